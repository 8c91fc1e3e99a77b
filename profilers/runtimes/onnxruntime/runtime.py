"""ONNX Runtime with the execution providers that a build has.

It is imported on first use, so that ``compofa --help`` and the other runtimes neither wait for it nor need it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.scratch import scratch_folder
from profilers.machine.nvml import read_driver_version
from profilers.runtimes.availability import Availability
from profilers.runtimes.base import Runtime
from profilers.runtimes.external_data import COMPILED_NODE, check_external_data, refuse_compiled
from profilers.runtimes.onnxruntime.providers import CPU, WITH_CPU, check_used, find_provider, name_devices
from profilers.runtimes.session import Array, Port, Session

LOG_FATAL = 4
ORT_MAGIC = b"ORTM"
ORT_MAGIC_AT = 4
"""The offset in bytes at which a FlatBuffers file names its kind."""
PROFILE_WARM_UP_CALLS = 10
PROFILE_CALLS = 15
KERNEL_SUFFIX = "_kernel_time"
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


def is_ort_format(model: bytes) -> bool:
    """Whether a model is in ONNX Runtime's own format."""
    return model[ORT_MAGIC_AT : ORT_MAGIC_AT + len(ORT_MAGIC)] == ORT_MAGIC


def check_self_contained(model: bytes) -> None:
    """Refuse a model that would read another file, in either of ONNX Runtime's formats.

    The errors are those of :func:`~profilers.runtimes.external_data.check_external_data`.
    """
    if not is_ort_format(model):
        check_external_data(model)
    elif COMPILED_NODE in model:
        # Its own format has no external data that a session would read.
        raise refuse_compiled()


class OnnxRuntime(Runtime):
    """ONNX Runtime, which runs one operator at a time with a set number of threads, by the provider of the device."""

    name = "onnxruntime"
    graph_levels = tuple(GRAPH_LEVELS)

    @cached_property
    def devices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The devices of the providers in this build, the CPU first: ``cpu``, ``xnnpack+cpu`` and so on."""
        import onnxruntime

        return name_devices(onnxruntime.get_available_providers(), _list_gpus)

    def find_device(self, asked: str) -> str:
        word, _, number = asked.partition(":")
        index = int(number) if number.isdigit() else 0
        # A GPU is asked for by its index, and its name tells which GPU a latency is of.
        found = dict(enumerate(self._gpus)) if word == "cuda" else {}
        return found.get(index, asked) or self.devices[0]

    def precisions_on(self, device: str) -> tuple[str, ...]:
        return tuple(find_provider(device).precisions)

    def driver_on(self, device: str) -> str:
        return read_driver_version() if device in self._gpus else ""

    def version_impl(self) -> str:
        import onnxruntime

        return str(onnxruntime.__version__)

    def check_impl(self) -> Availability:
        try:
            import onnxruntime
        except ImportError as error:
            return Availability(False, f"it cannot be imported ({error})", "run: pip install onnxruntime")
        if CPU not in onnxruntime.get_available_providers():
            return Availability(False, "this build has no CPU provider", "run: pip install onnxruntime")
        return Availability(True)

    def check_self_contained(self, model: bytes, weights: bytes = b"") -> None:
        check_self_contained(model)

    def profiles(self, spec: DeviceSpec) -> bool:
        # Its profiler tells when an operator was launched on other devices, and not its duration.
        return spec.device == "cpu"

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        import onnxruntime as ort

        options = self.make_options(spec)
        with scratch_folder("profile") as folder:
            options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "run")
            session = ort.InferenceSession(model, options, providers=[CPU])
            for _ in range(PROFILE_WARM_UP_CALLS + PROFILE_CALLS):
                session.run(None, feeds)
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return _read_events(events)

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        import onnxruntime as ort

        provider = find_provider(spec.device)
        settings = provider.options(spec.precision, spec.threads)
        if spec.device in self._gpus:
            settings["device_id"] = str(self._gpus.index(spec.device))
        asked: list[Any] = [(provider.name, settings)]
        if spec.device.endswith(WITH_CPU):
            asked.append(CPU)
        # By default it would go on with other providers where one fails.
        session = ort.InferenceSession(model, self.make_options(spec), providers=asked, enable_fallback=0)
        check_used(session, spec.device)
        return OnnxSession(
            session, ("cuda", int(settings["device_id"])) if "device_id" in settings else ("cpu", 0)
        )

    @property
    def _gpus(self) -> list[str]:
        return [device for device in self.devices if device.startswith("cuda.")]

    def make_options(self, spec: DeviceSpec) -> Any:
        """ONNX Runtime's options of a session under a device spec."""
        import onnxruntime as ort

        own_threads = find_provider(spec.device).threads_option
        options = ort.SessionOptions()
        # Two thread pools would compete for the cores.
        options.intra_op_num_threads = 1 if own_threads else spec.threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        level = GRAPH_LEVELS.get(spec.graph_level, GRAPH_LEVELS["all"])
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
        options.log_severity_level = LOG_FATAL
        entries = {"session.intra_op.allow_spinning": str(int(spec.spin and not own_threads))}
        if spec.device != "cpu":
            entries["session.record_ep_graph_assignment_info"] = "1"
            entries["session.disable_cpu_ep_fallback"] = str(int(not spec.device.endswith(WITH_CPU)))
        for name, value in entries.items():
            options.add_session_config_entry(name, value)
        return options


class OnnxSession(Session):
    """An ``InferenceSession``; ``memory`` is ONNX Runtime's name of the memory that holds its inputs and outputs."""

    def __init__(self, session: Any, memory: tuple[str, int]) -> None:
        super().__init__(
            OnnxRuntime.name,
            tuple(map(_read_port, session.get_inputs())),
            tuple(map(_read_port, session.get_outputs())),
        )
        self._session, self._memory = session, memory

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        names = [port.name for port in self.outputs]
        return dict(zip(names, self._session.run(names, feeds)))

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        import onnxruntime as ort

        binding = self._session.io_binding()
        for name, array in feeds.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, *self._memory))
        # A first run shows the outputs' shapes. Later runs write into memory that is bound here, and allocate none.
        for name, array in self.run_impl(feeds).items():
            binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array, *self._memory))
        return partial(self._session.run_with_iobinding, binding)

    def close_impl(self) -> None:
        self._session = None


def _read_events(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """The operators of one run and their median times over the last calls of a profile."""
    kernels = [event for event in events if event.get("name", "").endswith(KERNEL_SUFFIX)]
    count = len(kernels) // (PROFILE_WARM_UP_CALLS + PROFILE_CALLS)
    times = np.array([event["dur"] for event in kernels[-count * PROFILE_CALLS :]], np.float64)
    names = [event["name"][: -len(KERNEL_SUFFIX)] for event in kernels[:count]]
    return list(zip(names, np.median(times.reshape(PROFILE_CALLS, count), axis=0).tolist()))


def _read_port(node: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Port(node.name, shape, DTYPES.get(node.type, node.type))


def _list_gpus() -> list[str]:
    """The names of the GPUs that CUDA's driver finds, in its order; none without a driver."""
    from profilers.machine.cuda import load_driver
    from profilers.runtimes.tensorrt.device_names import name_gpus

    try:
        return list(name_gpus(load_driver().list_gpus()))
    except (OSError, CompofaError):
        return []
