"""The contract of a runtime, and all of its checks, clean-up and error translation.

A runtime overrides only the methods whose names end in ``_impl``.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, MeasurementError, MismatchError, RuntimeUnavailable
from latency_tables.machine import Machine
from profilers.machine.clock import Clock, now_ns
from profilers.machine.environment import read_machine
from profilers.runtimes.errors import first_line, translate_errors
from profilers.runtimes.external_data import check_external_data
from profilers.runtimes.session import Array, Session


@dataclass(frozen=True)
class Availability:
    """Whether a runtime works on this machine.

    Attributes:
        works: Whether it works.
        why: The reason where it does not.
        fix: The command or change that makes it work.
    """

    works: bool
    why: str = ""
    fix: str = ""


class Runtime(abc.ABC):
    """What executes a graph. What it can be asked for is listed with the default first.

    ``spins`` says whether it can be told to wait busily, and not to; ``separate_weights`` whether a model may come
    in two parts.
    """

    name: str
    devices: tuple[str, ...] = ("cpu",)
    precisions: tuple[str, ...] = ("f32",)
    graph_levels: tuple[str, ...] = ("all",)
    spins: tuple[bool, ...] = (True, False)
    separate_weights: bool = False
    keep_compiled: bool = False
    """Set it to have the same models opened again and again: what compiling one gives may then be kept, since a fresh
    session needs only memory of its own."""

    def profiles(self, spec: DeviceSpec) -> bool:
        """Whether :meth:`share_layers` works under a device spec."""
        return False

    @property
    def clock(self) -> Clock:
        """What calls are timed by."""
        return now_ns

    def version(self) -> str:
        """The runtime's version; :class:`RuntimeUnavailable` where it is not installed."""
        with self._needed():
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
        """The full name of the device that was asked for; empty means the first. It need not be here."""
        return asked or self.devices[0]

    def inspect(self, model: bytes, spec: DeviceSpec) -> str:
        """What a model is that was built for a device spec, in a few words, without running it; empty where the runtime
        builds none.

        :class:`RuntimeUnavailable` where the runtime is not installed, :class:`MismatchError` where it could not load
        the model.
        """
        return ""

    def precisions_on(self, device: str) -> tuple[str, ...]:
        """The precisions that it computes in on one of its devices, the default first."""
        return self.precisions

    def driver_on(self, device: str) -> str:
        """The version of the driver that runs a device; empty where there is none, or it cannot be told."""
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
        self._check_known("device", device, self.devices)
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
        """Load a model as the device spec says; ``weights`` are what its format keeps in a file of their own.

        :class:`RuntimeUnavailable` where the runtime does not work here, :class:`MismatchError` where the device
        spec is of another runtime or version, :class:`MeasurementError` where the model cannot be loaded,
        :class:`FormatError` as of :meth:`check_self_contained`.
        """
        self.check_model(model, spec, weights)
        return self.open_checked(model, spec, weights)

    def check_model(self, model: bytes, spec: DeviceSpec, weights: bytes = b"") -> None:
        """Check all that :meth:`open` checks before it loads a model; the same errors."""
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
        """Refuse a model that would read another file than those whose bytes are given. The runtime need not be
        installed. Overridden where a model may be of another format than ONNX.

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
        """How a run's time divides over the layers called ``names``, in their order: parts of 1, by the runtime's own
        profiler in a session of its own. Shares and not times, since a profiler slows down what it looks at.

        An operator is of the layer whose name its own begins with; one that the runtime put in between, as a change of
        layout, of the layer before it. :class:`MeasurementError` where the runtime fails, or names no layer.
        """
        self._check_spec(spec)
        with translate_errors(f"{self.name} could not profile the model"):
            self.check_self_contained(model, weights)
            timed = self.profile_impl(model, spec, weights, feeds)
        spent = dict.fromkeys(names, 0.0)
        owner = names[0]
        for operator, took in timed:
            owner = layer if (layer := operator.split("/")[0]) in spent else owner
            spent[owner] += took
        if not sum(spent.values()) or sum(map(bool, spent.values())) < len(spent) / 2:
            raise MeasurementError(f"{self.name}'s profiler does not name the model's layers; report it")
        return tuple(took / sum(spent.values()) for took in spent.values())

    @abc.abstractmethod
    def version_impl(self) -> str:
        """The version that is installed."""

    @abc.abstractmethod
    def check_impl(self) -> Availability:
        """Whether the runtime works here; may raise anything."""

    @abc.abstractmethod
    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        """Load a model under a checked device spec; leave nothing behind on failure. ``weights`` is empty unless
        ``separate_weights``."""

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        """The operators of one run in their order: the name that the graph gives each, and what it takes, in any unit.
        Overridden where :meth:`profiles` says that it works."""
        raise MeasurementError(f"{self.name} does not tell what a model's layers take")

    def _check_spec(self, spec: DeviceSpec) -> None:
        self._check_known("device", spec.device, self.devices)
        self._check_known("precision", spec.precision, self.precisions_on(spec.device))
        self._check_known("graph level", spec.graph_level, self.graph_levels)
        if spec.spin not in self.spins:
            raise InputError(
                f"{self.name} has no setting to let threads spin or not; ask for spin={self.spins[0]}"
            )
        if spec.batch < 1 or spec.threads < 1:
            raise InputError(f"threads and batch are at least 1; got {spec.threads} and {spec.batch}")
        if spec.threads > spec.machine.usable_threads:
            raise InputError(
                f"{spec.threads} threads were asked for, and this process may use {spec.machine.usable_threads}; "
                "ask for fewer, or give it more cores"
            )

    def _check_known(self, word: str, value: str, known: tuple[str, ...]) -> None:
        if value not in known:
            raise InputError(f"{self.name} has no {word} {value!r} here; it has {', '.join(known)}")

    @contextmanager
    def _needed(self) -> Iterator[None]:
        availability = self.check()
        if not availability.works:
            raise RuntimeUnavailable(
                f"{self.name} does not work here: {availability.why}; {availability.fix}"
            )
        yield
