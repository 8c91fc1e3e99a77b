"""The fake runtime: models of known latency under a simulated clock.

It tests measuring code against the true latencies, without sleeping, on a machine that has no runtime. A model is JSON,
as :meth:`FakeModel.to_bytes` writes it, and it says how the simulated device behaves.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError
from latency_tables.field_rule import rule
from latency_tables.record import Record, RecordFile
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import Clock
from profilers.runtimes.availability import Availability
from profilers.runtimes.base import Runtime
from profilers.runtimes.session import Array, Port, Session

FAULTS = ("", "crash", "hang", "error")
COLD_FACTORS = (1.36, 1.32, 1.16, 1.08, 1.04, 1.02, 1.01)
"""The first calls after another model ran, relative to the steady latency, as measured with ONNX Runtime."""
CLOCK_STEP_NS = 20
"""The time that reading the clock takes."""


@dataclass(frozen=True)
class FakeWorld(Record):
    """How the simulated device behaves. All noise is relative.

    Attributes:
        launch_ms: The fixed time of a call.
        context: What a layer's cost is multiplied by in a model of more than one layer.
        network_ms: A fixed time that a model of more than one layer takes beyond its layers.
        drift: The amplitude of a sine that every call is multiplied by.
        drift_period_ms: The period of that sine.
        placement_noise: The standard deviation of a session's factor, as from its placement in memory.
        call_noise: The standard deviation of a call's factor.
        outlier_rate: The share of calls that are outliers.
        outlier_factor: What an outlier is multiplied by.
        seed: The seed of all noise.
    """

    launch_ms: float = 0.002
    context: float = 1.0
    network_ms: float = 0.0
    drift: float = 0.0
    drift_period_ms: float = 20_000.0
    placement_noise: float = 0.0
    call_noise: float = 0.0
    outlier_rate: float = 0.0
    outlier_factor: float = 4.0
    seed: int = 0

    def true_ms(self, costs_ms: tuple[float, ...]) -> float:
        """The steady latency in ms of a model of these layers, without drift and noise."""
        if len(costs_ms) < 2:
            return self.launch_ms + sum(costs_ms)
        return self.launch_ms + self.network_ms + self.context * sum(costs_ms)


@dataclass(frozen=True)
class FakeModel(RecordFile):
    """A model of the fake runtime.

    Attributes:
        layers: The keys of its layers.
        costs_ms: The cost of each layer in ms; where it is empty, each is derived from the layer's key.
        world: How the simulated device behaves.
        input_shape: The shape of its one input.
        classes: The length of its one output.
        fault: What the first call does: ``crash`` the process, ``hang``, or raise an ``error``; empty for no fault.
        fault_marker: A file that the fault makes. The fault occurs only while there is no such file, so that it does
            not come back.
    """

    FORMAT = "compofa-fake-model"
    VERSION = 1

    layers: tuple[str, ...]
    costs_ms: tuple[float, ...] = ()
    world: FakeWorld = FakeWorld()
    input_shape: tuple[int, ...] = field(default=(1, 3, 8, 8), metadata=rule(minimum=1))
    classes: int = field(default=10, metadata=rule(minimum=1))
    fault: str = ""
    fault_marker: str = ""

    @property
    def true_ms(self) -> float:
        """The latency that a measurement should find."""
        return self.world.true_ms(self.list_costs_ms())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its layers within it, which differ even where two have one key."""
        return tuple(f"{place}.{key}" for place, key in enumerate(self.layers))

    def list_costs_ms(self) -> tuple[float, ...]:
        """The cost of each layer in ms."""
        return self.costs_ms or tuple(map(derive_cost_ms, self.layers))

    def to_bytes(self) -> bytes:
        """The model as a file; the same model gives the same bytes."""
        return self.to_text().encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> FakeModel:
        """Read the bytes that :meth:`to_bytes` wrote.

        Raises:
            FormatError: The bytes are no such model; the message names the field.
        """
        return cls.parse(data.decode(errors="replace"), "the fake model")

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where a layer has no cost, or the fault is unknown."""
        if self.fault not in FAULTS or (self.costs_ms and len(self.costs_ms) != len(self.layers)):
            raise FormatError(
                f"{where}, layers: must have a cost each, or none; and a fault must be a known one"
            )


def derive_cost_ms(key: str) -> float:
    """The cost of a layer in ms, derived from its key: between 0.01 and 0.1 ms, with a uniform logarithm."""
    digest = hashlib.sha256(key.encode()).digest()
    return 0.01 * 10 ** (int.from_bytes(digest[:4], "big") / 2**32)


class FakeRuntime(Runtime):
    """The runtime of one simulated device. Its clock advances only as its models run."""

    name = "fake"

    def __init__(self) -> None:
        self.elapsed_ns = 0.0
        self.opened = 0
        self.last_session: FakeSession | None = None

    @property
    def clock(self) -> Clock:
        return self._read_clock

    def _read_clock(self) -> int:
        self.elapsed_ns += CLOCK_STEP_NS
        return int(self.elapsed_ns)

    def version_impl(self) -> str:
        return "1.0"

    def check_impl(self) -> Availability:
        return Availability(True)

    def check_self_contained(self, model: bytes, weights: bytes = b"") -> None:
        """A fake model reads no other file."""

    def profiles(self, spec: DeviceSpec) -> bool:
        return True

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        fake = FakeModel.from_bytes(model)
        return list(zip(fake.names, fake.list_costs_ms()))

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        self.opened += 1
        return FakeSession(self, FakeModel.from_bytes(model))


class FakeSession(Session):
    """A loaded fake model with a placement of its own."""

    def __init__(self, runtime: FakeRuntime, model: FakeModel) -> None:
        super().__init__(
            FakeRuntime.name,
            (Port("image", (None, *model.input_shape[1:]), "float32"),),
            (Port("logits", (None, model.classes), "float32"),),
        )
        self.runtime, self.model = runtime, model
        world = model.world
        self.rng = np.random.default_rng((world.seed, runtime.opened))
        self.session_ms = model.true_ms * math.exp(world.placement_noise * self.rng.standard_normal())
        self.calls_since_switch = 0

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        self._spend()
        image = feeds["image"].reshape(len(feeds["image"]), -1)
        shifts = np.arange(self.model.classes, dtype=np.float32)
        return {"logits": image.mean(axis=1, keepdims=True) + shifts}

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        return self._spend

    def close_impl(self) -> None:
        if self.runtime.last_session is self:
            self.runtime.last_session = None

    def _spend(self) -> None:
        """Advance the clock by one call."""
        if self.model.fault:
            self._fail()
        runtime, world = self.runtime, self.model.world
        if runtime.last_session is not self:
            runtime.last_session, self.calls_since_switch = self, 0
        ms = self.session_ms
        if self.calls_since_switch < len(COLD_FACTORS):
            ms *= COLD_FACTORS[self.calls_since_switch]
        self.calls_since_switch += 1
        if world.drift:
            ms *= 1 + world.drift * math.sin(
                2 * math.pi * runtime.elapsed_ns / NS_PER_MS / world.drift_period_ms
            )
        if world.call_noise:
            ms *= math.exp(world.call_noise * self.rng.standard_normal())
        if world.outlier_rate and self.rng.random() < world.outlier_rate:
            ms *= world.outlier_factor
        runtime.elapsed_ns += ms * NS_PER_MS

    def _fail(self) -> None:
        marker = self.model.fault_marker
        if marker:
            if Path(marker).exists():
                return
            Path(marker).touch()
        if self.model.fault == "crash":
            os.abort()
        while self.model.fault == "hang":
            time.sleep(60)
        raise RuntimeError("it was told to")
