"""The measuring process: ``python -m profilers.measuring.worker``, JSON lines in and out.

A runtime that crashes or hangs in native code takes this process down, and not its parent. Each request opens a fresh
session of an item, warms it up and samples it. The reference is timed before and after, in fresh sessions as well. A
session that is kept while others run finds other data in the caches, and was up to 28 % slower on OpenVINO afterwards.
The process ends when its standard input or its parent does.
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
from contextlib import AbstractContextManager
from typing import Any

from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError, MeasurementError
from latency_tables.measured_session import MeasuredSession
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import read_time
from profilers.machine.parent import end_with_parent
from profilers.measuring.answers import encode_error
from profilers.measuring.load_cost import Load, watch_memory
from profilers.measuring.open_model import check_hashes, make_feeds, open_bound, read_files, read_model
from profilers.measuring.paired_worker import PairedWorker
from profilers.measuring.timing import WarmUp, sample, warm_up
from profilers.runtimes.errors import translate_errors
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Array, Session

REFERENCE_TIME_SHARE = 0.25
"""The largest share of the time that goes into timing the reference. One timing serves every session that ends within
three times its duration. Neighbours on a shared machine come and go within a second."""
CALLS_AFTER_LOADING = 3
"""A runtime takes memory for activations only when a model runs."""
UNLIMITED_MS = float(1 << 40)


class Worker:
    """A runtime under one device spec, with its reference."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.spec = DeviceSpec.from_dict(request["spec"])
        self.runtime, self.calls = find_runtime(self.spec.runtime), request["reference_calls"]
        self.runtime.keep_compiled = True
        self.reference = {
            key: request[key] for key in ("path", "sha256", "weights", "weights_sha256", "shape")
        }
        self.last_ns: tuple[int, ...] = ()
        self.due_at = 0
        # A reference that cannot be loaded is no item's fault.
        self._open(self.reference).close()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure one fresh session of an item, as :meth:`measure_session` does, in a JSON-ready form."""
        return self.measure_session(request).to_dict()

    def measure_session(self, request: Mapping[str, Any]) -> MeasuredSession:
        """Measure one fresh session of an item.

        Args:
            request: The item's id, model, input shape and the names of the layers to profile, the session's number,
                and the limits of sampling.

        Raises:
            FormatError: The model was changed after its hash was checked.
            MeasurementError: The runtime cannot load, run or profile the model.
        """
        when, clock = read_time(), self.runtime.clock
        before = self._time_reference()
        with self._open(request) as opened:
            with self._translate_errors():
                warmed: WarmUp = warm_up(opened.bound, clock)
                tell = opened.watch()
                samples = sample(opened.bound, clock, **request["limits"])
                doubts = tell()
            feeds = make_feeds(opened, self.spec.batch, tuple(request["shape"]))
        shares = self._share_layers(request, feeds) if request["layer_names"] else ()
        gc.collect()
        return MeasuredSession(
            request["item"],
            request["session"],
            samples.ns,
            before,
            self._time_reference(),
            warmed.calls,
            warmed.steady,
            (*samples.flags, *doubts),
            when,
            shares,
        )

    def _share_layers(self, request: Mapping[str, Any], feeds: Mapping[str, Array]) -> tuple[float, ...]:
        model, weights = read_model(request)
        return self.runtime.share_layers(model, self.spec, request["layer_names"], feeds, weights)

    def _time_reference(self) -> tuple[int, ...]:
        """The durations of the reference's calls in ns: of a moment ago, or timed now."""
        clock = self.runtime.clock
        begun = clock()
        if begun >= self.due_at:
            limits = {
                "min_calls": self.calls,
                "min_ms": 0.0,
                "max_calls": self.calls,
                "max_ms": UNLIMITED_MS,
            }
            with self._open(self.reference) as opened, self._translate_errors():
                warm_up(opened.bound, clock)
                self.last_ns = sample(opened.bound, clock, **limits).ns
            gc.collect()
            ended = clock()
            self.due_at = ended + int((ended - begun) * (1 / REFERENCE_TIME_SHARE - 1))
        return self.last_ns

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_errors(f"{self.spec.runtime} could not run the model")

    def _open(self, request: Mapping[str, Any]) -> Session:
        return open_bound(self.spec, *read_model(request), tuple(request["shape"]))


def load(request: Mapping[str, Any]) -> Load:
    """Load a model and run it a few times, in a process that has loaded no model yet.

    Raises:
        FormatError: The model was changed after its hash was checked, or would read another file.
        MeasurementError: The runtime cannot load or run the model.
    """
    spec = DeviceSpec.from_dict(request["spec"])
    runtime = find_runtime(spec.runtime)
    # This imports the runtime, whose time and memory are not the model's.
    runtime.version()
    clock, tell_memory = runtime.clock, watch_memory()
    begun = clock()
    parts = read_files(request)
    read_ns = clock() - begun
    # Our checks are not counted: a program that uses the model makes none.
    check_hashes(request, parts)
    runtime.check_model(parts[0], spec, parts[1])
    begun = clock()
    session = runtime.open_checked(parts[0], spec, parts[1])
    opened_ns = clock() - begun
    with session:
        session.bind(make_feeds(session, spec.batch))
        for _ in range(CALLS_AFTER_LOADING):
            session.call()
        memory = tell_memory()
    return Load((read_ns + opened_ns) / NS_PER_MS, memory)


def main() -> None:
    """Answer requests until standard input ends.

    The one argument is the parent's process id.
    """
    if len(sys.argv) > 1:
        end_with_parent(int(sys.argv[1]))
    # The parent decides what becomes of an interrupted run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Native code may print; only answers may reach the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    # A collection in the middle of a call would be timed with it.
    gc.freeze()
    gc.disable()
    worker: Worker | PairedWorker | None = None
    while True:
        request = json.loads(requests.get())
        try:
            if "load" in request:
                answer: dict[str, Any] = load(request).to_dict()
            elif worker is None:
                worker = PairedWorker(request) if "pair" in request else Worker(request)
                answer = {}
            else:
                answer = worker.answer(request)
        except CompofaError as error:
            answer = encode_error(error)
        except OSError as error:
            answer = encode_error(MeasurementError(f"a model cannot be read ({error})"))
        answers.write(json.dumps({**answer, "number": request["number"]}) + "\n")
        answers.flush()


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    """Hand on lines; end the process and its helpers when there are no more, even while a call hangs."""
    for line in sys.stdin:
        requests.put(line)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
