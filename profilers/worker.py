"""The measuring process: ``python -m profilers.worker``, JSON lines in and out.

A runtime that crashes or hangs in native code takes this process down, and not the one that asked. It holds a
live session of the reference; each visit opens a fresh session of an item, warms it up, samples it, and times the
reference just before and after. Standard input that ends, ends the process.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError, InputError, MeasurementError
from latency_tables.measurement import Visit
from profilers.base import Array, Session
from profilers.registry import find_runtime
from profilers.timing import NS_PER_MS, WarmUp, read_time, sample, warm_up

REFERENCE_FRESH_MS = 500.0
"""The reference as timed after one visit also counts as timed before the next, if that begins within this."""
REFERENCE_WARM_UP_CALLS = 12
"""The reference runs often, and its median forgives what little warming is left after so many calls."""
FEED_SEED = 0


class Worker:
    """A runtime under one device spec, with its reference loaded."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.spec = DeviceSpec.from_dict(request["spec"])
        self.runtime, self.calls = find_runtime(self.spec.runtime), request["reference_calls"]
        self.reference = self._open(request)
        self.last_ns: tuple[int, ...] = ()
        self.last_at = 0

    def visit(self, request: Mapping[str, Any]) -> Visit:
        """Measure one fresh session of an item."""
        when, clock = read_time(), self.runtime.clock
        before = self.last_ns
        if not before or clock() - self.last_at > REFERENCE_FRESH_MS * NS_PER_MS:
            before = self._time_reference()
        with self._open(request) as opened:
            warmed: WarmUp = warm_up(opened.call, clock)
            tell = opened.watch()
            samples = sample(opened.call, clock, **request["limits"])
            doubts = tell()
            after = self._time_reference()
        gc.collect()
        return Visit(
            request["item"],
            request["session"],
            samples.ns,
            before,
            after,
            warmed.calls,
            warmed.steady,
            (*samples.flags, *doubts),
            when,
        )

    def _time_reference(self) -> tuple[int, ...]:
        clock = self.runtime.clock
        warm_up(self.reference.call, clock, REFERENCE_WARM_UP_CALLS)
        limits = {"min_calls": self.calls, "min_ms": 0.0, "max_calls": self.calls, "max_ms": float(1 << 40)}
        self.last_ns = sample(self.reference.call, clock, **limits).ns
        self.last_at = clock()
        return self.last_ns

    def _open(self, request: Mapping[str, Any]) -> Session:
        weights = Path(request["weights"]).read_bytes() if request["weights"] else b""
        session = self.runtime.open(Path(request["path"]).read_bytes(), self.spec, weights)
        try:
            session.bind(make_feeds(session, self.spec.batch, tuple(request["shape"])))
        except BaseException:
            session.close()
            raise
        return session


def make_feeds(session: Session, batch: int, shape: tuple[int, ...] = ()) -> dict[str, Array]:
    """Random inputs of a model, the same each time. ``shape`` is that of its only input; where it is empty, the
    model's own is taken, with ``batch`` for its first size if that is free.

    :class:`InputError` where a size remains free.
    """
    rng = np.random.default_rng(FEED_SEED)
    feeds = {}
    for port in session.inputs:
        if not shape and None in port.shape[1:]:
            raise InputError(f"input {port.name} has a free size; say the input's shape in the kit")
        sizes = shape or tuple(batch if size is None else size for size in port.shape)
        feeds[port.name] = rng.standard_normal(sizes).astype(port.dtype)
    return feeds


def main() -> None:
    """Answer requests until standard input ends."""
    # Ctrl-C reaches the whole process group; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Native code may print; only answers may reach the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    # A collection in the middle of a call would be timed with it.
    gc.freeze()
    gc.disable()
    worker: Worker | None = None
    while True:
        request = json.loads(requests.get())
        try:
            if worker is None:
                worker = Worker(request)
                answer: dict[str, Any] = {}
            else:
                answer = worker.visit(request).to_dict()
        except CompofaError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        except OSError as error:
            answer = {"error": MeasurementError.__name__, "message": f"a model cannot be read ({error})"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    """Hand on lines; end the process when there are no more, even while a call hangs."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
