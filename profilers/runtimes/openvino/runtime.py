"""OpenVINO on the CPU, and on a GPU or NPU where it finds one.

It is imported on first use, so that ``compofa --help`` and the other runtimes neither wait for it nor need it.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from importlib import import_module
from typing import Any

from latency_tables.device import DeviceSpec
from latency_tables.errors import MeasurementError, MismatchError
from profilers.machine.environment import read_conditions
from profilers.runtimes.availability import Availability
from profilers.runtimes.base import Runtime
from profilers.runtimes.external_data import check_external_data, refuse_file
from profilers.runtimes.openvino.graph import read_graph
from profilers.runtimes.openvino.layer_times import profile_calls, profile_windows
from profilers.runtimes.session import Array, Port, Session

INSTALL = "run: pip install 'compofa-deploy[openvino]'"
PRECISIONS = {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}
"""Each precision, and the capability that a device lists where it computes in that precision."""
IR_STARTS = (b"<", b"\xef\xbb\xbf<")
"""The first bytes of XML, with a byte order mark and without; no ONNX file begins with these."""
IR_WEIGHTS_PATH = b"weights_path"
"""An entry of a model's runtime information: a file that plugins may map in place of the weights that are given."""
IR_HIDDEN_LETTERS = (b"\0", b"&#")
"""Bytes of UTF-16 or UTF-32, and of characters that are written as numbers."""
ORIGINAL_NAMES = "originalLayersNames"
KEPT_SHARE = 0.125
"""The share of the free memory that compiled models may take."""


def load_openvino() -> Any:
    """The package, imported on first use."""
    return import_module("openvino")


class OpenVino(Runtime):
    """OpenVINO, which runs one inference at a time in the precision of the device spec.

    By default it would take bf16 on a CPU that has it, choose the number of threads, and pin them.
    """

    name = "openvino"
    spins = (True,)
    separate_weights = True

    @cached_property
    def devices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The devices that it finds here, the CPU first, such as ``cpu``, ``gpu`` or ``gpu.1``."""
        found = [name.lower() for name in self._core.available_devices]
        return tuple(sorted(found, key=lambda name: (name != "cpu", name)))

    def precisions_on(self, device: str) -> tuple[str, ...]:
        capabilities = self._core.get_property(device.upper(), "OPTIMIZATION_CAPABILITIES")
        return tuple(name for name, capability in PRECISIONS.items() if capability in capabilities)

    def version_impl(self) -> str:
        # The commit that it was built from follows the release.
        return str(load_openvino().get_version()).partition("-")[0]

    def check_impl(self) -> Availability:
        try:
            load_openvino()
        except ImportError as error:
            return Availability(False, f"it cannot be imported ({error})", INSTALL)
        if not self.devices:
            return Availability(False, "it finds no device on this machine", INSTALL)
        return Availability(True)

    def check_self_contained(self, model: bytes, weights: bytes = b"") -> None:
        if model.startswith(IR_STARTS):
            _check_ir(model)
        elif weights:
            raise ValueError("not an OpenVINO IR, and so it can have no weights of its own")
        else:
            check_external_data(model)

    def profiles(self, spec: DeviceSpec) -> bool:
        return True

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        settings = {**_make_settings(spec), "PERF_COUNT": True}
        compiled = self._core.compile_model(self._read(model, weights), spec.device.upper(), settings)
        request = compiled.create_infer_request()
        for name, array in feeds.items():
            request.set_tensor(name, load_openvino().Tensor(array))
        operators, windows = (
            profile_windows(request, self.clock) if spec.device == "cpu" else profile_calls(request)
        )
        names = _find_original_names(compiled)
        return [
            (names.get(name, name), statistics.median(took)) for name, took in zip(operators, zip(*windows))
        ]

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        """``model`` is an ONNX graph, or the .xml of an IR whose .bin is ``weights``."""
        try:
            compiled = self._compile(model, weights, spec.device.upper(), _make_settings(spec))
        except RuntimeError as error:
            raise MeasurementError(f"openvino could not load the model: {_find_reason(error)}") from error
        _check_settings(compiled, spec)
        return OpenVinoSession(compiled)

    def _compile(self, model: bytes, weights: bytes, device: str, settings: dict[str, Any]) -> Any:
        """Compile a model, or load the result of an earlier time, which takes a third of the time."""
        key = (hashlib.sha256(model).digest(), hashlib.sha256(weights).digest(), device, *settings.values())
        if key in self._kept:
            return self._core.import_model(self._kept[key], device, settings)
        compiled = self._core.compile_model(self._read(model, weights), device, settings)
        if self.keep_compiled:
            content = compiled.export_model().getvalue()
            if sum(map(len, self._kept.values())) + len(content) <= self._kept_limit:
                self._kept[key] = content
                # The first session is loaded like every later one, so that none differs.
                return self._core.import_model(content, device, settings)
        return compiled

    def _read(self, model: bytes, weights: bytes) -> Any:
        # An IR was written in OpenVINO's own form.
        return self._core.read_model(model, weights) if weights else read_graph(self._core, model)

    @cached_property
    def _kept(self) -> dict[tuple[Any, ...], bytes]:
        return {}

    @cached_property
    def _kept_limit(self) -> int:
        return int((read_conditions().memory_available_bytes or 0) * KEPT_SHARE)

    @cached_property
    def _core(self) -> Any:
        return load_openvino().Core()


class OpenVinoSession(Session):
    """A compiled model with one request."""

    def __init__(self, compiled: Any) -> None:
        super().__init__(
            OpenVino.name, tuple(map(_read_port, compiled.inputs)), tuple(map(_read_port, compiled.outputs))
        )
        self._request = compiled.create_infer_request()

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        self._set_inputs(feeds)
        self._request.infer(share_outputs=True)
        return {port.name: self._request.get_tensor(port.name).data.copy() for port in self.outputs}

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        self._set_inputs(feeds)
        # Shared, or each call would copy the outputs.
        return partial(self._request.infer, share_outputs=True)

    def close_impl(self) -> None:
        self._request = None

    def _set_inputs(self, feeds: dict[str, Array]) -> None:
        openvino = load_openvino()
        for name, array in feeds.items():
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))


def _check_ir(model: bytes) -> None:
    """Refuse an IR that names a file with its weights. Every other IR refers only to the weights that are given.

    Raises:
        FormatError: It names a file.
        ValueError: It may name one in letters that a search of its bytes does not find.
    """
    if IR_WEIGHTS_PATH in model:
        raise refuse_file("")
    if any(part in model for part in IR_HIDDEN_LETTERS):
        raise ValueError("an OpenVINO IR is in UTF-8, without references to characters by their numbers")


def _make_settings(spec: DeviceSpec) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": spec.precision,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    if spec.device == "cpu":
        settings.update(
            {
                "INFERENCE_NUM_THREADS": spec.threads,
                # A thread that is pinned to a busy core would wait while other cores are free.
                "ENABLE_CPU_PINNING": False,
                # A device spec counts two hardware threads of one core as two.
                "ENABLE_HYPER_THREADING": True,
            }
        )
    return settings


def _find_original_names(compiled: Any) -> dict[str, str]:
    """By the name of an operator that OpenVINO fused, the name of the last operator that it was fused from."""
    found = {}
    for operator in compiled.get_runtime_model().get_ops():
        info = operator.get_rt_info()
        if ORIGINAL_NAMES in info and (originals := info[ORIGINAL_NAMES].astype(str)):
            found[str(operator.get_friendly_name())] = originals.split(",")[-1].strip()
    return found


def _check_settings(compiled: Any, spec: DeviceSpec) -> None:
    """:class:`MismatchError` where a compiled model does not follow the device spec."""
    asked = {"precision": spec.precision, "streams": "1"}
    used = {
        "precision": compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name(),
        "streams": str(compiled.get_property("NUM_STREAMS")),
    }
    if spec.device == "cpu":
        asked["threads"] = str(spec.threads)
        used["threads"] = str(compiled.get_property("INFERENCE_NUM_THREADS"))
    for word, value in asked.items():
        if used[word] != value:
            raise MismatchError(
                f"openvino was asked for {word} {value} on {spec.device} and uses {used[word]}; "
                "ask for what it uses"
            )


def _find_reason(error: RuntimeError) -> str:
    """The last line that is not empty; the lines before it are places in OpenVINO's own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _read_port(port: Any) -> Port:
    sizes = (int(size.get_length()) if size.is_static else None for size in port.get_partial_shape())
    return Port(str(port.get_any_name()), tuple(sizes), str(port.get_element_type().to_dtype()))
