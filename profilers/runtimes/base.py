"""The contract of a runtime, with all of its checks and the translation of its errors.

A runtime overrides the methods whose names end in ``_impl``, and lists its devices and settings by the others.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, MeasurementError, MismatchError, RuntimeUnavailable
from latency_tables.machine import Machine
from profilers.machine.clock import Clock, now_ns
from profilers.machine.environment import read_machine
from profilers.runtimes.availability import Availability
from profilers.runtimes.errors import first_line, translate_errors
from profilers.runtimes.external_data import check_external_data
from profilers.runtimes.layer_shares import divide_run
from profilers.runtimes.session import Array, Session
from profilers.runtimes.settings import check_known, check_threads


class Runtime(abc.ABC):
    """A runtime executes a graph. Its lists have the default first.

    Attributes:
        name: The runtime's name.
        devices: The devices that it finds on this machine.
        precisions: The precisions that it computes in, where these are the same on every device.
        graph_levels: How far it can be told to rewrite a graph.
        spins: Whether its threads can be told to spin while they wait for work, and not to.
        separate_weights: Whether a model may keep its weights in a file of their own.
        keep_compiled: Whether to keep what compiling a model gives, for opening the same model again. Set it where
            models are opened many times: a fresh session needs only memory of its own.
    """

    name: str
    devices: tuple[str, ...] = ("cpu",)
    precisions: tuple[str, ...] = ("f32",)
    graph_levels: tuple[str, ...] = ("all",)
    spins: tuple[bool, ...] = (True, False)
    separate_weights: bool = False
    keep_compiled: bool = False

    def profiles(self, spec: DeviceSpec) -> bool:
        """Whether :meth:`share_layers` works under a device spec."""
        return False

    @property
    def clock(self) -> Clock:
        """The clock that calls are timed by."""
        return now_ns

    def version(self) -> str:
        """The runtime's version; :class:`RuntimeUnavailable` where the runtime does not work here."""
        availability = self.check()
        if not availability.works:
            raise RuntimeUnavailable(
                f"{self.name} does not work here: {availability.why}; {availability.fix}"
            )
        return self.version_impl()

    def check(self) -> Availability:
        """Whether the runtime works here."""
        try:
            return self.check_impl()
        except Exception as error:
            return Availability(
                False, f"it fails on import ({first_line(error)})", f"install {self.name} anew"
            )

    def find_device(self, asked: str) -> str:
        """The full name of a device that need not be on this machine; the first device where ``asked`` is empty."""
        return asked or self.devices[0]

    def inspect(self, model: bytes, spec: DeviceSpec) -> str:
        """A few words on a model that was compiled ahead of a run for a device spec; empty where none is compiled.

        Raises:
            RuntimeUnavailable: The runtime is not installed.
            MismatchError: The installed version could not load the model.
        """
        return ""

    def precisions_on(self, device: str) -> tuple[str, ...]:
        """The precisions that the runtime computes in on one of its devices, the default first."""
        return self.precisions

    def driver_on(self, device: str) -> str:
        """The version of the driver that runs a device; empty where the device has none or it cannot be read."""
        return ""

    def spec(self, request: DeviceRequest | None = None, machine: Machine | None = None) -> DeviceSpec:
        """The device spec of this runtime for a request.

        Args:
            request: The settings that are asked for; this runtime's defaults where it is left out.
            machine: The machine of the device spec; this machine where it is left out.

        Returns:
            The device spec, in which each default is named.

        Raises:
            InputError: The request names another runtime, or a setting that this runtime does not have.
            RuntimeUnavailable: The runtime does not work here.
        """
        request = request or DeviceRequest(self.name)
        if request.runtime != self.name:
            raise InputError(f"this is {self.name}, and {request.runtime} was asked for; ask that runtime")
        version = self.version()
        device = self.find_device(request.device)
        check_known(self.name, "device", device, self.devices)
        spec = DeviceSpec(
            runtime=self.name,
            runtime_version=version,
            device=device,
            precision=request.precision or self.precisions_on(device)[0],
            threads=request.threads,
            batch=request.batch,
            spin=request.spin,
            graph_level=request.graph_level or self.graph_levels[0],
            machine=machine or read_machine(),
            driver=self.driver_on(device),
        )
        self._check_spec(spec)
        return spec

    def open(self, model: bytes, spec: DeviceSpec, weights: bytes = b"") -> Session:
        """Load a model under a device spec.

        Args:
            model: The model's bytes.
            spec: The device spec.
            weights: The weights that the model's format keeps in a file of their own; mostly empty.

        Raises:
            RuntimeUnavailable: The runtime does not work here.
            MismatchError: The device spec is of another runtime or version.
            InputError: The runtime does not have a setting of the device spec.
            FormatError: The model would read another file.
            MeasurementError: The model cannot be loaded.
        """
        self.check_model(model, spec, weights)
        return self.open_checked(model, spec, weights)

    def check_model(self, model: bytes, spec: DeviceSpec, weights: bytes = b"") -> None:
        """Check everything that :meth:`open` checks before it loads a model; the errors are those of :meth:`open`."""
        if (spec.runtime, spec.runtime_version) != (self.name, self.version()):
            raise MismatchError(
                f"the device spec is of {spec.runtime} {spec.runtime_version}, and this is "
                f"{self.name} {self.version()}; profile with the version that is installed"
            )
        self._check_spec(spec)
        if weights and not self.separate_weights:
            raise InputError(
                f"{self.name} reads a model from one file; give it one that has its weights inside"
            )
        with translate_errors(f"{self.name} could not load the model"):
            self.check_self_contained(model, weights)

    def open_checked(self, model: bytes, spec: DeviceSpec, weights: bytes = b"") -> Session:
        """Load a model that :meth:`check_model` has passed, so that loading can be timed alone."""
        with translate_errors(f"{self.name} could not load the model"):
            return self.open_impl(model, spec, weights)

    def check_self_contained(self, model: bytes, weights: bytes = b"") -> None:
        """Refuse a model that would read a file whose bytes are not given.

        The runtime need not be installed. A runtime overrides this where a model may be of another format than ONNX.

        Raises:
            FormatError: The model would read another file.
            ValueError: The model is not of the runtime's format.
        """
        check_external_data(model)

    def compile(self, graph: bytes, spec: DeviceSpec) -> bytes:
        """Compile an ONNX graph for a device spec. A runtime overrides it where it compiles models ahead of a run.

        Raises:
            MeasurementError: The runtime cannot compile the graph.
            MismatchError: The runtime compiles no models.
        """
        raise MismatchError(f"{self.name} compiles no models ahead of a run; give it the model itself")

    def share_layers(
        self,
        model: bytes,
        spec: DeviceSpec,
        names: Sequence[str],
        feeds: Mapping[str, Array],
        weights: bytes = b"",
    ) -> tuple[float, ...]:
        """How the time of one run divides over a model's layers, by the runtime's profiler in a session of its own.

        The result is shares and not times, since a profiler slows down the operators that it times.

        Args:
            model: The model's bytes.
            spec: The device spec.
            names: The names of the layers, as :func:`~profilers.runtimes.layer_shares.divide_run` takes them.
            feeds: The model's inputs by name.
            weights: The weights that the model's format keeps in a file of their own; mostly empty.

        Returns:
            Each layer's part of the time, in the order of ``names``; the sum is 1.

        Raises:
            InputError: The runtime does not have a setting of the device spec.
            FormatError: The model would read another file.
            MeasurementError: The runtime fails, has no profiler, or does not name the model's layers.
        """
        self._check_spec(spec)
        with translate_errors(f"{self.name} could not profile the model"):
            self.check_self_contained(model, weights)
            operators = self.profile_impl(model, spec, weights, feeds)
        return divide_run(self.name, names, operators)

    @abc.abstractmethod
    def version_impl(self) -> str:
        """The version that is installed."""

    @abc.abstractmethod
    def check_impl(self) -> Availability:
        """Whether the runtime works here; may raise anything."""

    @abc.abstractmethod
    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        """Load a model under a device spec that was checked, and leave nothing behind on failure.

        ``weights`` is empty unless ``separate_weights`` is set.
        """

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        """The operators of one run in their order: the name of each in the graph, and its time in any unit.

        A runtime overrides this where :meth:`profiles` is true.
        """
        raise MeasurementError(f"{self.name} has no profiler for a model's layers; measure the layers alone")

    def _check_spec(self, spec: DeviceSpec) -> None:
        check_known(self.name, "device", spec.device, self.devices)
        check_known(self.name, "precision", spec.precision, self.precisions_on(spec.device))
        check_known(self.name, "graph level", spec.graph_level, self.graph_levels)
        check_threads(self.name, spec, self.spins)
