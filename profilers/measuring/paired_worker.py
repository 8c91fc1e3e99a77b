"""Two models timed side by side in blocks, which compare their latencies well and measure neither alone.

A block opens a fresh session of both and calls them in bursts, in the order ABBAABBA, so that drift meets both alike.
The caller draws which of the two is A.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.measured_session import SAMPLES
from latency_tables.record import Record
from profilers.measuring.open_model import ModelPaths, open_bound, read_model
from profilers.measuring.timing import sample
from profilers.runtimes.errors import translate_errors
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Session

BURST_ORDER = (0, 1, 1, 0, 0, 1, 1, 0)
"""The model that each burst of a block calls: the first or the second."""
UNLIMITED_MS = float(1 << 40)


@dataclass(frozen=True)
class Block(Record):
    """The calls of a fresh session of each model.

    Attributes:
        old_ns: The durations of the old model's calls in ns.
        new_ns: The durations of the new model's calls in ns.
        new_first: Whether the new model was called first.
        flags: Faults of the clock or the device that were seen meanwhile.
    """

    old_ns: tuple[int, ...] = field(metadata=SAMPLES)
    new_ns: tuple[int, ...] = field(metadata=SAMPLES)
    new_first: bool
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """One of the two models, in memory.

    Attributes:
        word: Its name in errors, ``old`` or ``new``.
        spec: The device spec to run it under.
        model: The model's bytes.
        weights: The bytes of its weights; empty where the model holds them.
        shape: The shape of its input.
    """

    word: str
    spec: DeviceSpec
    model: bytes
    weights: bytes
    shape: tuple[int, ...]

    @classmethod
    def read(cls, word: str, request: Mapping[str, Any]) -> Side:
        """Read the model that a request names, and open it once, so that a model that cannot be opened fails here.

        Args:
            word: The model's name in errors.
            request: The model's files, device spec and input shape.

        Raises:
            CompofaError: The model was changed, or cannot be opened; the message names the model.
        """
        model, weights = read_model(request)
        side = cls(word, DeviceSpec.from_dict(request["spec"]), model, weights, tuple(request["shape"]))
        # A fresh session needs fresh memory alone: compiling gives the same each time.
        find_runtime(side.spec.runtime).keep_compiled = True
        side.open().close()
        return side

    def open(self) -> Session:
        """A fresh session."""
        with self.name_errors():
            return open_bound(self.spec, self.model, self.weights, self.shape)

    @contextmanager
    def name_errors(self) -> Iterator[None]:
        """Name the model in an error of the block."""
        try:
            yield
        except CompofaError as error:
            raise type(error)(f"the {self.word} model: {error}") from None


class PairedWorker:
    """An old and a new model, each under a device spec."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.old, self.new = (Side.read(word, request["pair"][word]) for word in ("old", "new"))

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure one block for a request such as ``{"new_first": true, "calls": 20}``."""
        return self.measure(request["new_first"], request["calls"]).to_dict()

    def measure(self, new_first: bool, calls: int) -> Block:
        """Measure one block.

        Args:
            new_first: Whether the new model is called first.
            calls: The calls of each burst.

        Raises:
            MeasurementError: A runtime fails; the message names the model.
        """
        sides = (self.new, self.old) if new_first else (self.old, self.new)
        took: tuple[list[int], list[int]] = ([], [])
        flags: list[str] = []
        limits: dict[str, Any] = {
            "min_calls": calls,
            "min_ms": 0.0,
            "max_calls": calls,
            "max_ms": UNLIMITED_MS,
        }
        with ExitStack() as stack:
            sessions = [stack.enter_context(side.open()) for side in sides]
            clocks = [find_runtime(side.spec.runtime).clock for side in sides]
            tells = [session.watch() for session in sessions]
            for place in BURST_ORDER:
                side = sides[place]
                with side.name_errors(), translate_errors(f"{side.spec.runtime} could not run the model"):
                    burst = sample(sessions[place].bound, clocks[place], **limits)
                took[place].extend(burst.ns)
                flags.extend(burst.flags)
            for tell in tells:
                flags.extend(tell())
        gc.collect()
        first, second = map(tuple, took)
        old, new = (second, first) if new_first else (first, second)
        return Block(old, new, new_first, tuple(sorted(set(flags))))


def locate(spec: DeviceSpec, files: ModelPaths, shape: tuple[int, ...]) -> dict[str, Any]:
    """The part of a :class:`PairedWorker`'s request for one of the models.

    Args:
        spec: The device spec to run it under.
        files: The model's files.
        shape: The shape of its input.
    """
    return {"spec": spec.to_dict(), **files.to_request(), "shape": list(shape)}
