"""TensorRT on an NVIDIA GPU, in both of its flavours.

They are imported on first use, so that ``compofa --help`` and the other runtimes neither wait for them nor need them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, MeasurementError, MismatchError, RuntimeUnavailable
from profilers.machine.cuda import Gpu, load_driver
from profilers.machine.nvml import read_driver_version
from profilers.runtimes.availability import Availability
from profilers.runtimes.base import Runtime
from profilers.runtimes.errors import translate_errors
from profilers.runtimes.external_data import check_external_data
from profilers.runtimes.session import Array
from profilers.runtimes.tensorrt.availability import find_availability
from profilers.runtimes.tensorrt.build import (
    AMPERE_PLUS,
    EXACT,
    PRECISIONS,
    SAME_CAPABILITY,
    BuildOptions,
    BuiltEngine,
    build_engine,
    check_options,
)
from profilers.runtimes.tensorrt.cache_folder import place_kernels, place_timings
from profilers.runtimes.tensorrt.device_names import (
    AMPERE,
    ANYWHERE,
    CAPABILITY_NAME,
    check_version,
    fits,
    name_capability,
    name_gpus,
    options_of,
    parse_capability,
)
from profilers.runtimes.tensorrt.engine_header import find_invalidity
from profilers.runtimes.tensorrt.flavour import CLASSIC, RTX, Flavour, Log
from profilers.runtimes.tensorrt.layer_times import time_operators
from profilers.runtimes.tensorrt.session import TensorRtSession

if TYPE_CHECKING:
    import tensorrt as trt

ONNX_START = b"\x08"
"""The tag of an ONNX file's first field, its IR version. An engine begins with letters."""
TRUST_VARIABLE = "COMPOFA_TRUST_ENGINES"
"""Engines that bring code for the host, as version-compatible ones do, run where this is set to 1."""


class TensorRt(Runtime):
    """TensorRT, which runs one inference at a time.

    A model is an engine, or an ONNX graph for which an engine is built. The precision is that of the graph's own types.
    """

    name = CLASSIC.name
    flavour: Flavour = CLASSIC
    precisions = PRECISIONS

    @property
    def devices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The GPUs of this machine by name and compute capability, as in ``nvidia-geforce-rtx-4090.sm89``."""
        return tuple(self._gpus)

    def find_device(self, asked: str) -> str:
        if not CAPABILITY_NAME.fullmatch(asked):
            return super().find_device(asked)
        found = [name for name, gpu in self._gpus.items() if fits(asked, name, gpu)]
        if not found:
            raise MismatchError(
                f"{self.name} was asked for {asked}, and here is {', '.join(self.devices)}; export it anew for that"
            )
        return found[0]

    def driver_on(self, device: str) -> str:
        return read_driver_version()

    def version_impl(self) -> str:
        return str(self.flavour.load().__version__)

    def check_impl(self) -> Availability:
        return find_availability(self.flavour, load_driver)

    def engine_spec(
        self,
        *,
        precision: str = "",
        batch: int = 1,
        capability: str = "",
        device: str = "",
        hardware: str = EXACT,
        version_compatible: bool = False,
    ) -> DeviceSpec:
        """The device spec of an engine that is to be built.

        Args:
            precision: The precision; empty for the first one.
            batch: The largest batch.
            capability: The compute capability of GPUs that need not be here; empty for the GPU here.
            device: The GPU here, by its device name; empty for the first one.
            hardware: The GPUs that the engine fits, one of :data:`~profilers.runtimes.tensorrt.build.HARDWARE`.
            version_compatible: Whether the engine loads in later versions of TensorRT.

        Raises:
            InputError: The flavour cannot build so.
            RuntimeUnavailable: The flavour is not installed, or no GPU is here and no capability was asked for.
        """
        installed = self._find_installed()
        options = BuildOptions(
            precision or self.precisions[0], batch, capability, hardware, version_compatible
        )
        if capability:
            parse_capability(capability)
        check_options(self.flavour, options)
        if batch < 1:
            raise InputError(f"a batch is at least 1; got {batch}")
        version = f"{installed}+" if version_compatible else installed
        if capability:
            return DeviceSpec(
                self.name, version, name_capability(parse_capability(capability)), options.precision, 1, batch, True,
                self.graph_levels[0], ANYWHERE,
            )  # fmt: skip
        spec = self.spec(DeviceRequest(self.name, device, options.precision, batch=batch))
        covered = {
            EXACT: spec.device,
            SAME_CAPABILITY: name_capability(self._gpus[spec.device].capability),
            AMPERE_PLUS: AMPERE,
        }
        return replace(spec, runtime_version=version, device=covered[hardware])

    def build(self, graph: bytes, spec: DeviceSpec) -> BuiltEngine:
        """Build an engine from an ONNX graph.

        Args:
            graph: The ONNX graph.
            spec: The device spec, as :meth:`engine_spec` or :meth:`spec` makes it.

        Raises:
            FormatError: The graph would read another file.
            CompofaError: As :func:`~profilers.runtimes.tensorrt.build.build_engine`.
        """
        self._find_installed()
        with translate_errors(f"{self.name} cannot read the graph"):
            check_external_data(graph)
        options = options_of(spec, self.flavour.builds_ahead)
        if not options.capability:
            name = self.find_device(spec.device)
            load_driver().use(self._gpus[name].index)
        return build_engine(self.flavour, graph, options, place_timings(spec))

    def compile(self, graph: bytes, spec: DeviceSpec) -> bytes:
        return self.build(graph, spec).data

    def check_self_contained(self, model: bytes, weights: bytes = b"") -> None:
        # An engine names no other file: its weights are inside, or were stripped.
        if model.startswith(ONNX_START):
            check_external_data(model)

    def profiles(self, spec: DeviceSpec) -> bool:
        return True

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        with self.open_impl(model, spec, weights) as session:
            session.bind(feeds)
            return time_operators(session)

    def inspect(self, model: bytes, spec: DeviceSpec) -> str:
        reason = check_version(spec, self._find_installed())
        if not reason and self.flavour.builds_ahead:
            reason = find_invalidity(self.flavour, model)
        if reason:
            raise MismatchError(f"{reason}; export it anew with the version that is installed")
        return f"an engine for {spec.device} in {spec.precision} by {spec.runtime} {spec.runtime_version}"

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> TensorRtSession:
        driver, gpu = load_driver(), self._gpus[spec.device]
        driver.use(gpu.index)
        if spec.threads != 1:
            raise InputError(f"{self.name} computes on the GPU; ask for 1 thread")
        if TYPE_CHECKING:
            api = trt
        else:
            api = self.flavour.load()
        log = Log(api)
        data = self._build_once(model, spec) if model.startswith(ONNX_START) else model
        runtime = api.Runtime(log.logger)
        runtime.engine_host_code_allowed = os.environ.get(TRUST_VARIABLE) == "1"
        engine = runtime.deserialize_cuda_engine(data)
        if engine is None:
            raise MeasurementError(
                f"{self.name} {spec.runtime_version} cannot load the engine on {spec.device}: "
                f"{find_invalidity(self.flavour, data) or log.explain()}; export it anew for this GPU and version, or, "
                f"where it was built version-compatible and you trust it, set {TRUST_VARIABLE}=1"
            )
        return TensorRtSession(
            self.name,
            api,
            engine,
            driver,
            gpu,
            spec.spin,
            place_kernels(data, spec) if self.flavour.builds_ahead else None,
            keep=(runtime, log),
        )

    def _build_once(self, graph: bytes, spec: DeviceSpec) -> bytes:
        key = (hashlib.sha256(graph).hexdigest(), spec.id)
        if key in self._built:
            return self._built[key]
        data = self.build(graph, spec).data
        if self.keep_compiled:
            self._built[key] = data
        return data

    def _find_installed(self) -> str:
        try:
            return self.version_impl()
        except ImportError as error:
            raise RuntimeUnavailable(
                f"{self.name} cannot be imported ({error}); {self.flavour.fix}"
            ) from None

    @cached_property
    def _gpus(self) -> dict[str, Gpu]:
        return name_gpus(load_driver().list_gpus())

    @cached_property
    def _built(self) -> dict[tuple[str, str], bytes]:
        return {}


class TensorRtRtx(TensorRt):
    """TensorRT for RTX, which builds engines without a GPU and compiles their kernels where they run."""

    name = RTX.name
    flavour = RTX
