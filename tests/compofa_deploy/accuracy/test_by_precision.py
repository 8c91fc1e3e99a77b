"""Accuracies of lower precisions are found beside those of float32, and refused where they are not comparable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from latency_tables.errors import MismatchError
from tests.latency_tables.builders import SPEC
from tests.support.supernets import make_accuracies, make_supernet

F32 = make_accuracies(make_supernet())
BF16 = replace(F32, precision="bf16", runtime="openvino", measured_on="a CPU")


def spec(runtime, precision):
    return replace(SPEC, runtime=runtime, precision=precision)


def test_tables_of_exported_graphs_are_found_beside_that_of_float32(tmp_path):
    path = tmp_path / "net[1].accuracy.json"
    F32.save(path)
    BF16.save(tmp_path / "net[1].openvino-bf16.accuracy.json")
    replace(F32, supernet="other").save(tmp_path / "another.accuracy.json")
    found = AccuraciesByPrecision.beside(F32, path)
    (lower,) = found.lower
    assert (lower.precision, lower.runtime, lower.measured_on) == ("bf16", "openvino", "a CPU")
    assert found.resolutions == F32.resolutions


def test_float32_is_the_same_on_every_runtime():
    known = AccuraciesByPrecision(F32, (BF16,))
    assert known.find(spec("openvino", "f32")) is F32
    assert known.find(spec("onnxruntime", "f32")) is F32


def test_a_lower_precision_is_known_of_the_runtime_that_it_was_measured_on():
    known = AccuraciesByPrecision(F32, (BF16,))
    assert known.find(spec("openvino", "bf16")) is BF16
    assert known.find(spec("openvino", "f16")) is None
    assert known.find(spec("tensorrt", "bf16")) is None
    assert known.of(spec("openvino", "f16")) is F32


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"supernet": "0" * 64}, "made from other weights"),
        ({"data": "photographs"}, "measured on other images than those in f32"),
        ({"images": {"validation": 10**4, "test": 10**4}}, "compofa evaluate --runtime openvino"),
    ],
)
def test_tables_that_are_not_comparable_are_refused(other, message):
    with pytest.raises(MismatchError, match=message):
        AccuraciesByPrecision(F32, (replace(BF16, **other),))


def test_a_lower_precision_cannot_stand_for_float32():
    with pytest.raises(
        MismatchError, match=r"measured in bf16; name that of f32.*NAME\.openvino-bf16\.accuracy\.json"
    ):
        AccuraciesByPrecision(BF16)
