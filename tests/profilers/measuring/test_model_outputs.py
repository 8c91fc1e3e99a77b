"""Outputs for any number of inputs, a batch at a time."""

from __future__ import annotations

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.model_outputs import iterate_outputs
from profilers.runtimes.fake import FakeModel
from profilers.runtimes.registry import find_spec
from tests.profilers.models import make_onnx

FAKE = ModelFiles(FakeModel(("a",)).to_bytes())


def run(model: ModelFiles, batch: int, inputs: np.ndarray, runtime: str = "fake") -> np.ndarray:
    (outputs,) = iterate_outputs(model, find_spec(DeviceRequest(runtime, batch=batch)), [inputs])
    return outputs


def test_the_rows_that_fill_up_the_last_batch_are_left_out() -> None:
    inputs = np.random.default_rng(0).random((7, 3, 8, 8)).astype(np.float32)
    assert run(ModelFiles(make_onnx(4)), 4, inputs, "onnxruntime") == pytest.approx(
        inputs.mean((2, 3)), abs=1e-6
    )


def test_the_batch_makes_no_difference() -> None:
    inputs = np.random.default_rng(0).random((5, 3, 8, 8)).astype(np.float32)
    assert run(FAKE, 1, inputs) == pytest.approx(run(FAKE, 3, inputs))


def test_no_inputs_at_all_are_refused_by_their_shape() -> None:
    with pytest.raises(InputError, match=r"at least one row.*\[0, 3, 8, 8\]"):
        run(FAKE, 1, np.zeros((0, 3, 8, 8), np.float32))


def test_the_model_is_opened_once_for_all_chunks() -> None:
    spec = find_spec(DeviceRequest("fake"))
    from profilers.runtimes.registry import find_runtime

    before = find_runtime("fake").opened  # type: ignore[attr-defined]
    list(iterate_outputs(FAKE, spec, (np.zeros((1, 3, 8, 8), np.float32) for _ in range(5))))
    assert find_runtime("fake").opened == before + 1  # type: ignore[attr-defined]
