"""The runtimes there are: one file each, one line here; imported on first use."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError
from profilers.runtimes.base import Runtime

RUNTIMES = {
    "onnxruntime": "profilers.runtimes.onnxruntime.runtime:OnnxRuntime",
    "onnxruntime_mobile": "profilers.runtimes.onnxruntime.mobile:OnnxRuntimeMobile",
    "openvino": "profilers.runtimes.openvino.runtime:OpenVino",
    "tensorrt": "profilers.runtimes.tensorrt.runtime:TensorRt",
    "tensorrt_rtx": "profilers.runtimes.tensorrt.runtime:TensorRtRtx",
    "fake": "profilers.runtimes.fake:FakeRuntime",
}


def list_runtimes() -> tuple[str, ...]:
    """The names of all runtimes, whether or not they work here."""
    return tuple(RUNTIMES)


@lru_cache(maxsize=None)
def find_runtime(name: str) -> Runtime:
    """The runtime of a name. Each is made once.

    Raises:
        InputError: There is no such runtime; the message lists all names.
    """
    if name not in RUNTIMES:
        raise InputError(f"no runtime {name!r}; there are {', '.join(RUNTIMES)}")
    module, class_name = RUNTIMES[name].split(":")
    runtime: Runtime = getattr(import_module(module), class_name)()
    return runtime


def find_spec(request: DeviceRequest) -> DeviceSpec:
    """The device spec of a request on this machine, under the runtime version that is installed.

    The errors are those of :meth:`profilers.runtimes.base.Runtime.spec`.
    """
    return find_runtime(request.runtime).spec(request)
