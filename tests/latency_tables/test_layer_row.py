"""A layer comes back from its row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError
from latency_tables.layer import ACTIVATIONS, KINDS, Layer
from latency_tables.layer_row import read_row, write_row

SIZE = st.integers(0, 4000)
LAYERS = st.builds(
    Layer, name=st.just(""), kind=st.sampled_from(KINDS), in_channels=SIZE, out_channels=SIZE, in_size=SIZE,
    out_size=SIZE, mid_channels=SIZE, kernel=SIZE, stride=SIZE, act=st.sampled_from(ACTIVATIONS), se=st.booleans(),
    skip=st.booleans(), norm=st.booleans(),
)  # fmt: skip
POOL = {"kind": "pool", "in_channels": "8", "out_channels": "8", "in_size": "4", "out_size": "1"}


@given(LAYERS)
def test_a_layer_comes_back_from_its_row(layer):
    assert read_row(write_row(layer), "it") == layer


def test_empty_cells_are_the_defaults_and_flags_are_read_in_words():
    assert read_row({**POOL, "se": "", "act": " "}, "it") == read_row(POOL, "it")
    assert read_row({**POOL, "se": "True", "skip": "no"}, "it").se


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("kind", "", "it, kind: is missing"),
        ("kind", "cone", "it, kind: must be one of conv"),
        ("act", "tanh", "it, act: must be one of none"),
        ("se", "2", "it, se: must be true or false"),
        ("kernel", "3x3", "it, kernel: must be a whole number"),
        ("in_size", "-1", "it, in_size: must be a whole number"),
        ("in_size", "²", "it, in_size: must be a whole number"),
    ],
)
def test_a_cell_that_is_wrong_is_named(column, cell, message):
    with pytest.raises(FormatError, match=message):
        read_row({**POOL, column: cell}, "it")
