from __future__ import annotations

import sys

import pytest

from profilers.machine.cuda import Driver
from tests.support.cuda import FakeCuda, make_api


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A simulated GPU, its driver, and a classic TensorRT for it."""
    cuda = FakeCuda()
    driver = Driver(cuda)
    monkeypatch.setattr("profilers.runtimes.tensorrt.runtime.load_driver", lambda: driver)
    monkeypatch.setitem(sys.modules, "tensorrt", make_api(cuda))
    return cuda
