"""ONNX Runtime on the CPU.

It is imported on first use: ``compofa --help`` and the other runtimes must not wait for it, nor need it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from latency_tables.device import DeviceSpec
from profilers.base import Array, Availability, Port, Runtime, Session

PROVIDER = "CPUExecutionProvider"
LOG_FATAL = 4
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(bool)": "bool",
}
GRAPH_LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "none": "ORT_DISABLE_ALL",
}


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU provider: one operator at a time, a set number of threads on each."""

    name = "onnxruntime"
    graph_levels = tuple(GRAPH_LEVELS)

    def version_impl(self) -> str:
        import onnxruntime

        return str(onnxruntime.__version__)

    def check_impl(self) -> Availability:
        try:
            import onnxruntime
        except ImportError as error:
            return Availability(False, f"it cannot be imported ({error})", "run: pip install onnxruntime")
        if PROVIDER not in onnxruntime.get_available_providers():
            return Availability(False, "this build has no CPU provider", "run: pip install onnxruntime")
        return Availability(True)

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = spec.threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, GRAPH_LEVELS[spec.graph_level])
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spec.spin)))
        options.log_severity_level = LOG_FATAL
        return OnnxSession(ort.InferenceSession(model, options, providers=[PROVIDER]))


class OnnxSession(Session):
    """An ``InferenceSession``."""

    def __init__(self, session: Any) -> None:
        super().__init__(
            OnnxRuntime.name,
            tuple(map(_read_port, session.get_inputs())),
            tuple(map(_read_port, session.get_outputs())),
        )
        self._session = session

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        names = [port.name for port in self.outputs]
        return dict(zip(names, self._session.run(names, feeds), strict=True))

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        import onnxruntime as ort

        binding = self._session.io_binding()
        for name, array in feeds.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        # A first run shows the outputs' shapes; bound to memory of our own, later runs allocate none.
        for name, array in self.run_impl(feeds).items():
            binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array))
        return partial(self._session.run_with_iobinding, binding)

    def close_impl(self) -> None:
        self._session = None


def _read_port(node: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Port(node.name, shape, DTYPES.get(node.type, node.type))
