from __future__ import annotations

import sys

import pytest

from latency_tables.errors import RuntimeUnavailable
from profilers.machine.cuda import Driver
from profilers.runtimes.tensorrt.runtime import TensorRt, TensorRtRtx
from tests.support.cuda import FakeCuda
from tests.support.tensorrt import needs_rtx


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert TensorRt().check().fix == "run: pip install 'compofa-deploy[tensorrt]'"
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'compofa-deploy\[tensorrt\]'"):
        TensorRt().engine_spec()
    for name in ("tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    assert TensorRtRtx().check().fix == "run: pip install 'compofa-deploy[tensorrt-rtx]'"


def test_a_driver_without_a_gpu_is_told_apart_from_none(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda.fails.add("cuDeviceGetCount")
    assert "cuDeviceGetCount failed with CUDA_ERROR_INVALID_VALUE" in TensorRt().check().why

    def fail() -> Driver:
        raise OSError("no such file")

    monkeypatch.setattr("profilers.runtimes.tensorrt.runtime.load_driver", fail)
    availability = TensorRt().check()
    assert availability.why.startswith("there is no NVIDIA driver")
    assert "install NVIDIA's driver" in availability.fix


@needs_rtx
def test_a_gpu_that_the_flavour_does_not_support_is_named(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TensorRtRtx().check().works
    monkeypatch.setattr(
        FakeCuda,
        "do_cuDeviceGetAttribute",
        lambda cuda, value, which, device: setattr(value._obj, "value", 9),
    )
    availability = TensorRtRtx().check()
    assert not availability.works
    assert "NVIDIA GeForce RTX 3090 has sm99" in availability.why
    assert "7.5|8.0|8.6" in availability.fix
