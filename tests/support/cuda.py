"""A simulated GPU: CUDA's driver on the host's memory, and an engine in numpy.

Arguments and results have the types of the real driver and engine, so that everything except the device is tested.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from ctypes import c_uint64
from types import SimpleNamespace
from typing import Any

import numpy as np

from profilers.machine.cuda import Gpu

MODEL = "NVIDIA GeForce RTX 3090"
KERNEL_NS = 40_000
INVALID, UNSUPPORTED = 1, 801
NAMES = {INVALID: b"CUDA_ERROR_INVALID_VALUE", UNSUPPORTED: b"CUDA_ERROR_NOT_SUPPORTED"}


class FakeCuda:
    """The driver's library for one GPU, whose work is done at once and takes a known time.

    ``fails`` names functions that return an error. ``live`` counts the objects that were made and not released.
    """

    def __init__(self, fails: tuple[str, ...] = ()) -> None:
        self.fails, self.now_ns, self.next = set(fails), 0, 1
        self.blocks: dict[int, Any] = {}
        self.events: dict[int, int] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.captured: list[Callable[[], None]] | None = None
        self.calls: list[str] = []
        self.live: dict[str, int] = {}
        self.arrived: set[int] = set()

    def __getattr__(self, name: str) -> Callable[..., int]:
        if not name.startswith("cu"):
            raise AttributeError(name)
        handle = getattr(type(self), f"do_{name}", None)
        assert handle is not None, f"the driver has no {name}"

        def call(*arguments: Any) -> int:
            self.calls.append(name)
            return INVALID if name in self.fails else handle(self, *arguments) or 0

        return call

    def queue(self, work: Callable[[], None]) -> None:
        """Do the work of a kernel, or record it while a stream is captured."""
        if self.captured is not None:
            self.captured.append(work)
        else:
            self.now_ns += KERNEL_NS
            work()

    def view(self, address: int) -> memoryview:
        return memoryview(self.blocks[address]).cast("B")

    def _make(self, kind: str, target: Any) -> int:
        self.next += 1
        target._obj.value = self.next
        self.live[kind] = self.live.get(kind, 0) + 1
        return self.next

    def _free(self, kind: str) -> None:
        self.live[kind] -= 1

    def do_cuInit(self, flags: Any) -> None: ...  # noqa: N802

    def do_cuGetErrorName(self, status: Any, text: Any) -> None:  # noqa: N802
        text._obj.value = NAMES[status.value]

    def do_cuDeviceGetCount(self, count: Any) -> None:  # noqa: N802
        count._obj.value = 1

    def do_cuDeviceGet(self, device: Any, index: Any) -> None:  # noqa: N802
        device._obj.value = index.value

    def do_cuDeviceGetName(self, name: Any, length: Any, device: Any) -> None:  # noqa: N802
        name.value = MODEL.encode()

    def do_cuDeviceGetPCIBusId(self, bus: Any, length: Any, device: Any) -> None:  # noqa: N802
        bus.value = b"0000:01:00.0"

    def do_cuDeviceGetAttribute(self, value: Any, which: Any, device: Any) -> None:  # noqa: N802
        value._obj.value = {75: 8, 76: 6}[which.value]

    def do_cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> None:  # noqa: N802
        context._obj.value = 1

    def do_cuCtxSetCurrent(self, context: Any) -> None: ...  # noqa: N802

    def do_cuCtxSynchronize(self) -> None:  # noqa: N802
        self.arrived = set(self.blocks)

    def do_cuStreamCreate(self, stream: Any, flags: Any) -> None:  # noqa: N802
        self._make("stream", stream)

    def do_cuStreamDestroy_v2(self, stream: Any) -> None:  # noqa: N802
        self._free("stream")

    def do_cuStreamSynchronize(self, stream: Any) -> None: ...  # noqa: N802

    def do_cuStreamBeginCapture_v2(self, stream: Any, mode: Any) -> None:  # noqa: N802
        self.captured = []

    def do_cuStreamEndCapture(self, stream: Any, graph: Any) -> None:  # noqa: N802
        assert self.captured is not None
        self.graphs[self._make("template", graph)] = self.captured
        self.captured = None

    def do_cuGraphDestroy(self, graph: Any) -> None:  # noqa: N802
        self._free("template")

    def do_cuGraphInstantiateWithFlags(self, graph: Any, template: Any, flags: Any) -> None:  # noqa: N802
        self.graphs[self._make("graph", graph)] = self.graphs[template.value]

    def do_cuGraphExecDestroy(self, graph: Any) -> None:  # noqa: N802
        self._free("graph")

    def do_cuGraphLaunch(self, graph: Any, stream: Any) -> None:  # noqa: N802
        for work in self.graphs[graph.value]:
            self.queue(work)

    def do_cuEventCreate(self, event: Any, flags: Any) -> None:  # noqa: N802
        self._make("event", event)

    def do_cuEventDestroy_v2(self, event: Any) -> None:  # noqa: N802
        self._free("event")

    def do_cuEventRecord(self, event: Any, stream: Any) -> None:  # noqa: N802
        self.events[event.value] = self.now_ns

    def do_cuEventSynchronize(self, event: Any) -> None: ...  # noqa: N802

    def do_cuEventElapsedTime(self, ms: Any, start: Any, end: Any) -> None:  # noqa: N802
        ms._obj.value = (self.events[end.value] - self.events[start.value]) / 1e6

    def do_cuMemAlloc_v2(self, pointer: Any, size: Any) -> None:  # noqa: N802
        assert isinstance(pointer._obj, c_uint64)
        block = ctypes.create_string_buffer(size.value)
        self._make("memory", pointer)
        pointer._obj.value = ctypes.addressof(block)
        self.blocks[pointer._obj.value] = block

    def do_cuMemFree_v2(self, pointer: Any) -> None:  # noqa: N802
        del self.blocks[pointer.value]
        self._free("memory")

    def do_cuMemcpyHtoD_v2(self, target: Any, source: Any, size: Any) -> None:  # noqa: N802
        assert size.value == len(self.blocks[target.value])
        ctypes.memmove(target.value, source, size.value)

    def do_cuMemcpyDtoH_v2(self, target: Any, source: Any, size: Any) -> None:  # noqa: N802
        assert size.value == len(self.blocks[source.value])
        ctypes.memmove(target, source.value, size.value)


GPU = Gpu(0, MODEL, (8, 6), "0000:01:00.0")


class FakeProfiler:
    """The base class of TensorRT's profilers."""

    def __init__(self) -> None: ...


class FakeLogger:
    """The base class of TensorRT's loggers."""

    Severity = SimpleNamespace(ERROR=1, INTERNAL_ERROR=0)

    def __init__(self) -> None: ...


INPUT, OUTPUT = "input", "output"
FAKE_API = SimpleNamespace(
    __version__="10.13.0.35",
    Builder=object,
    ILogger=FakeLogger,
    IProfiler=FakeProfiler,
    TensorIOMode=SimpleNamespace(INPUT=INPUT, OUTPUT=OUTPUT),
    LayerInformationFormat=SimpleNamespace(JSON="json"),
    nptype=lambda kind: np.float32,
)
"""The part of TensorRT that a session needs."""
LAYER_TIMES_MS = {
    "first/conv + first/act": 0.01,
    "Reformatting CopyNode": 0.002,
    "__myl_ConvRelu_myl0_1": 0.03,
}
"""What the profiler says of an engine: names of its own, for layers that were fused from a model's operators."""
DESCRIBED = [
    {"Name": "first/conv + first/act", "LayerType": "CaskConvolution"},
    {"Name": "Reformatting CopyNode", "LayerType": "NoOp", "Metadata": ""},
    {"Name": "__myl_ConvRelu_myl0_1", "Metadata": "[ONNX Layer: second/conv]\x1f[ONNX Layer: second/act]"},
]
"""What the inspector says of them."""
ENGINE = b"ftrt an engine"
"""What :func:`make_api`'s runtime loads."""


def make_api(cuda: FakeCuda) -> Any:
    """A package of TensorRT whose engines run on a simulated GPU."""

    class Runtime:
        def __init__(self, logger: Any) -> None:
            self.logger, self.engine_host_code_allowed = logger, False

        def deserialize_cuda_engine(self, data: bytes) -> Any:
            if data == ENGINE:
                return FakeEngine(cuda)
            self.logger.log(FakeLogger.Severity.ERROR, "magicTag does not match\nin deserialize")
            return None

    return SimpleNamespace(**vars(FAKE_API), Runtime=Runtime)


class FakeEngine:
    """``image`` (n, 3, 8, 8) to ``logits`` (n, 3), its mean over pixels where positive; n is at most ``batch``, or
    ``batch`` itself where ``is_open`` is false."""

    num_io_tensors = 2

    def __init__(self, cuda: FakeCuda, batch: int = 1, is_open: bool = False, captures: bool = True) -> None:
        self.cuda, self.batch, self.is_open, self.captures = cuda, batch, is_open, captures
        self.contexts: list[FakeContext] = []
        self.kernels: bytes | None = None

    def get_tensor_name(self, index: int) -> str:
        return ("image", "logits")[index]

    def get_tensor_mode(self, name: str) -> Any:
        return INPUT if name == "image" else OUTPUT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        first = -1 if self.is_open else self.batch
        return (first, 3, 8, 8) if name == "image" else (first, 3)

    def get_tensor_dtype(self, name: str) -> Any:
        return "float"

    def create_runtime_config(self) -> Any:
        return FakeConfig()

    def create_execution_context(self, config: Any = None) -> FakeContext:
        self.kernels = None if config is None else config.kernels
        self.contexts.append(FakeContext(self))
        return self.contexts[-1]

    def create_engine_inspector(self) -> Any:
        return SimpleNamespace(get_engine_information=lambda kind: json.dumps({"Layers": DESCRIBED}))


class FakeConfig:
    """The way TensorRT-RTX runs an engine: with kernels that it compiled now, or knows from before."""

    def __init__(self) -> None:
        self.kernels = b"compiled here"

    def create_runtime_cache(self) -> FakeConfig:
        return self

    def set_runtime_cache(self, cache: FakeConfig) -> None:
        assert cache is self

    def deserialize(self, data: bytes) -> None:
        self.kernels = data

    def serialize(self) -> bytes:
        return self.kernels


class FakeContext:
    """Run a fake engine on the data at the addresses that it was given."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine, self.profiler = engine, None
        self.shape: tuple[int, ...] = (0,)
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        most = self.engine.batch
        if shape[0] > most or (not self.engine.is_open and shape[0] != most):
            return False
        self.shape = shape
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self.shape[0], 3)

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address in self.engine.cuda.blocks
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert isinstance(stream, int)
        cuda, addresses, shape = self.engine.cuda, dict(self.addresses), self.shape
        if cuda.captured is not None and not self.engine.captures:
            return False

        def work() -> None:
            assert addresses["image"] in cuda.arrived, "the input is read while it is still being copied"
            image = np.frombuffer(cuda.view(addresses["image"]), np.float32).reshape(shape)
            logits = np.frombuffer(cuda.view(addresses["logits"]), np.float32).reshape(shape[0], 3)
            logits[...] = np.maximum(image, 0).mean((2, 3))

        cuda.queue(work)
        if self.profiler is not None:
            for layer, ms in LAYER_TIMES_MS.items():
                self.profiler.report_layer_time(layer, ms)
        return True
