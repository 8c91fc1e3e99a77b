"""The measuring process, as seen by the one that asks."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from latency_tables import errors
from latency_tables.errors import CompofaError, MeasurementError, WorkerDied

START_LIMIT_S = 120.0
"""For importing the runtime and loading the reference, on a slow device."""
STDERR_TAIL = 300
"""Characters of what the process last wrote to standard error that are put into a message."""
PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """A child that runs :mod:`profilers.measuring.worker`, started by its first request.

    Close it, or use it as a context.

    After :class:`WorkerDied` it is gone; :meth:`start` makes a new one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stderr: IO[bytes] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    @property
    def pid(self) -> int | None:
        """The child's process id; ``None`` while there is none."""
        return None if self._process is None else self._process.pid

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a child and send it the first request, which sets it up; what it answers."""
        self.close()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
        # -P: a folder named profilers where the user happens to be must not be taken for this package.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "profilers.measuring.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(
            target=_read_answers, args=(self._process.stdout, self._answers), daemon=True
        ).start()
        return self.ask(request, START_LIMIT_S)

    def ask(self, request: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        :class:`WorkerDied` where the child ends, or does not answer in time; the error that the child names
        where it answers with one.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=limit_s)
        except queue.Empty:
            raise self._bury(f"did not answer within {limit_s:g} s") from None
        except BrokenPipeError:
            line = None
        if line is None:
            raise self._bury("")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["error"], MeasurementError)
            raise (kind if issubclass(kind, CompofaError) else MeasurementError)(answer["message"])
        return answer

    def close(self) -> None:
        """End the child, if there is one, and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                # What was not yet sent has nobody left to read it.
                with suppress(BrokenPipeError):
                    process.stdin.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bury(self, how: str) -> WorkerDied:
        """End what is left of the child; the error that says how it died, and what it last said."""
        process, stderr = self._process, self._stderr
        assert process is not None
        assert stderr is not None
        if not how:
            code = process.wait()
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        process.kill()
        process.wait()
        stderr.seek(0)
        said = " ".join(stderr.read().decode(errors="replace").split())[-STDERR_TAIL:]
        self.close()
        return WorkerDied(f"the measuring process {how}" + (f" (it last said: {said})" if said else ""))


def _read_answers(pipe: IO[str], answers: queue.SimpleQueue[str | None]) -> None:
    # Only this thread may close the pipe: while it reads, another would wait for its end, which a process that the
    # child has forked can hold off.
    with pipe:
        for line in pipe:
            answers.put(line)
    answers.put(None)
