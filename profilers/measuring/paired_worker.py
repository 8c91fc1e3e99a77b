"""Two models timed side by side, in blocks: how their latencies compare, and not what each of them is.

A block opens a fresh session of both, and calls one and the other in turns, in bursts of ABBAABBA: what drifts meets
both alike. Who is A is for the one who asks to draw.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.measurement import SAMPLES
from latency_tables.record import Record
from profilers.measuring.open_model import ModelPaths, open_bound, read_model
from profilers.measuring.timing import sample
from profilers.runtimes.errors import translate_errors
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Session

TURNS = (0, 1, 1, 0, 0, 1, 1, 0)
"""Who is called in a block's bursts: the first of the two, or the second."""
UNLIMITED_MS = float(1 << 40)


@dataclass(frozen=True)
class Block(Record):
    """The calls of two fresh sessions, in ns, and whether the new one was first. ``flags`` say what went wrong with the
    clock or the device meanwhile."""

    old_ns: tuple[int, ...] = field(metadata=SAMPLES)
    new_ns: tuple[int, ...] = field(metadata=SAMPLES)
    new_first: bool
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """A model in memory, with how it is to be run."""

    word: str
    spec: DeviceSpec
    model: bytes
    weights: bytes
    shape: tuple[int, ...]

    @classmethod
    def read(cls, word: str, request: Mapping[str, Any]) -> Side:
        """As a request names it; it is opened once, so that one that cannot be is told from one that fails later."""
        model, weights = read_model(request)
        side = cls(word, DeviceSpec.from_dict(request["spec"]), model, weights, tuple(request["shape"]))
        # Only fresh memory is asked for anew; what compiling gives is the same each time.
        find_runtime(side.spec.runtime).keep_compiled = True
        side.open().close()
        return side

    def open(self) -> Session:
        """A fresh session."""
        with self.name_errors():
            return open_bound(self.spec, self.model, self.weights, self.shape)

    @contextmanager
    def name_errors(self) -> Iterator[None]:
        """Let an error say which of the two it is of."""
        try:
            yield
        except CompofaError as error:
            raise type(error)(f"the {self.word} model: {error}") from None


class PairWorker:
    """An old and a new model, each under a device spec."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.old, self.new = (Side.read(word, request["pair"][word]) for word in ("old", "new"))

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure one block: ``{"new_first": ..., "calls": of each burst}``."""
        return self.measure(request["new_first"], request["calls"]).to_dict()

    def measure(self, new_first: bool, calls: int) -> Block:
        """Measure one block, of bursts of so many calls."""
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
            for turn in TURNS:
                side = sides[turn]
                with side.name_errors(), translate_errors(f"{side.spec.runtime} could not run the model"):
                    burst = sample(sessions[turn].bound, clocks[turn], **limits)
                took[turn].extend(burst.ns)
                flags.extend(burst.flags)
            for tell in tells:
                flags.extend(tell())
        gc.collect()
        first, second = map(tuple, took)
        old, new = (second, first) if new_first else (first, second)
        return Block(old, new, new_first, tuple(sorted(set(flags))))


def locate(spec: DeviceSpec, files: ModelPaths, shape: tuple[int, ...]) -> dict[str, Any]:
    """One of the two as a :class:`PairWorker` is told of it: its files, and the shape of its input."""
    return {"spec": spec.to_dict(), **files.to_request(), "shape": list(shape)}
