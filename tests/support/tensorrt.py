"""Helpers of the tests of TensorRT."""

from __future__ import annotations

import pytest

from profilers.runtimes.tensorrt.flavour import RTX
from profilers.runtimes.tensorrt.runtime import TensorRtRtx


def _find_reason() -> str:
    try:
        RTX.load()
    except ImportError as error:
        return f"TensorRT-RTX is not installed ({error}); {RTX.fix}"
    return ""


WHY_NO_RTX = _find_reason()
needs_rtx = pytest.mark.skipif(bool(WHY_NO_RTX), reason=WHY_NO_RTX or "it is installed")
without_gpu = pytest.mark.skipif(TensorRtRtx().check().works, reason="this machine can run what it builds")
CAPABILITIES = ("8.6", "12.0")
