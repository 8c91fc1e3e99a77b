"""Tests that need an NVIDIA GPU, run by ``make gpu``. On other machines each is skipped with its reason."""

from __future__ import annotations

from typing import cast

import pytest

from profilers.runtimes.registry import find_runtime
from profilers.runtimes.tensorrt.runtime import TensorRt

FLAVOURS = ("tensorrt", "tensorrt_rtx")


@pytest.fixture(params=FLAVOURS)
def tensorrt(request: pytest.FixtureRequest) -> TensorRt:
    """Each flavour of TensorRT that works on this machine."""
    runtime = cast(TensorRt, find_runtime(request.param))
    state = runtime.check()
    if not state.works:
        pytest.skip(f"{runtime.name}: {state.why}; {state.fix}")
    return runtime
