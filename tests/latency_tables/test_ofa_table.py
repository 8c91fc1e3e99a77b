"""OFA's names of layers, and what its tables state."""

import pytest

from latency_tables.errors import FormatError
from latency_tables.layer import Layer
from latency_tables.ofa_table import find_resolution, name_for_ofa, read_means, state_means


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Layer("", "conv", 3, 24, 224, 112, kernel=3, stride=2, act="h_swish"),
         "Conv-input:224x224x3-output:112x112x24"),
        (Layer("", "conv", 192, 1152, 7, 7, act="h_swish"), "Conv_1-input:7x7x192-output:7x7x1152"),
        (Layer("", "pool", 1152, 1152, 7, 1), "AvgPool2D-input:7x7x1152-output:1x1x1152"),
        (Layer("", "conv", 1152, 1536, 1, 1, act="h_swish", norm=False), "Conv_2-input:1x1x1152-output:1x1x1536"),
        (Layer("", "linear", 1536, 1000, 1, 1, bias=True), "Logits-input:1x1x1536-output:1000"),
        (Layer("", "mbconv", 24, 24, 112, 112, 24, 1, 3, 1, "relu", skip=True),
         "expanded_conv-input:112x112x24-output:112x112x24-expand:24-kernel:3-stride:1-idskip:1-se:0-hs:0"),
        (Layer("", "mbconv", 96, 136, 14, 14, 576, 6, 5, 1, "h_swish", se=True),
         "expanded_conv-input:14x14x96-output:14x14x136-expand:576-kernel:5-stride:1-idskip:0-se:1-hs:1"),
    ],
)  # fmt: skip
def test_layers_are_named_as_in_the_published_tables(layer, name):
    assert name_for_ofa(layer) == name


def test_what_is_stated_is_read():
    costs = {"b": 0.5, "a": 0.0}
    assert list(state_means(costs)) == ["a", "b"]
    assert read_means(state_means(costs), "it") == costs


def test_an_entry_that_ends_early_is_named():
    with pytest.raises(FormatError, match="it, b: has no std, as the others have; the file may be cut off"):
        read_means({"a": {"mean": 1, "std": 0}, "b": {"mean": 1}}, "it")


@pytest.mark.parametrize(
    "names", [[], ["Conv_1-input:8x8x3-output:8x8x8"], ["Conv-input:8x9x3-output:4x4x8"],
              ["Conv-input:8x8x3-output:4x4x8", "Conv-input:9x9x3-output:5x5x8"]],
)  # fmt: skip
def test_a_table_says_its_resolution_once(names):
    assert find_resolution({"Conv-input:8x8x3-output:4x4x8": 1.0}, "it") == 8
    with pytest.raises(FormatError, match="it: must have one layer Conv-input:RxRx3"):
        find_resolution(dict.fromkeys(names, 1.0), "it")
