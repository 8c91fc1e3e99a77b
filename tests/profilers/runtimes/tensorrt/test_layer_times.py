from __future__ import annotations

import json

import pytest

from profilers.runtimes.tensorrt.layer_times import divide_times


def describe(**layers: str) -> str:
    return json.dumps({"Layers": [{"Name": name, "Metadata": text} for name, text in layers.items()]})


def test_an_operators_time_is_the_median_over_calls() -> None:
    assert divide_times({"k": [1.0, 9.0, 2.0]}, describe(k="[ONNX Layer: b1/conv]")) == [("b1/conv", 2.0)]


@pytest.mark.parametrize("separator", ["", "\x1e", "\x1f", ", "])
def test_operators_of_one_layer_that_were_fused_count_once(separator: str) -> None:
    fused = separator.join(f"[ONNX Layer: b1/{name}]" for name in ("conv", "bias", "act"))
    assert divide_times({"k": [3.0]}, describe(k=fused)) == [("b1/conv", 3.0)]


def test_a_layer_that_is_fused_over_several_of_the_models_is_divided_equally_in_their_order() -> None:
    fused = "[ONNX Layer: b1/conv]\x1f[ONNX Layer: b2/conv]\x1f[ONNX Layer: b2/act]"
    assert divide_times({"k": [4.0]}, describe(k=fused)) == [("b1/conv", 2.0), ("b2/conv", 2.0)]


@pytest.mark.parametrize(
    "described", ['{"Layers": ["b1/conv + b1/act", "Reformat"]}', '{"Layers": []}', "{}"]
)
def test_an_engine_without_metadata_is_read_by_its_names(described: str) -> None:
    times = {"b1/conv + b1/act": [1.0], "b1/pool + b2/conv": [2.0], "Reformat": [0.5]}
    assert divide_times(times, described) == [
        ("b1/conv", 1.0),
        ("b1/pool", 1.0),
        ("b2/conv", 1.0),
        ("Reformat", 0.5),
    ]


def test_no_time_is_lost() -> None:
    times = {"k0": [1.0], "k1": [2.0], "other": [0.25]}
    divided = divide_times(times, describe(k0="[ONNX Layer: a/x][ONNX Layer: b/x][ONNX Layer: c/x]", k1=""))
    assert sum(ms for _, ms in divided) == pytest.approx(3.25)
