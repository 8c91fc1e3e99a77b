"""The measuring process, as its parent sees it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from latency_tables.errors import WorkerDied
from profilers.measuring.answers import decode_error

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

START_LIMIT_S = 120.0
"""For importing the runtime and loading the reference, on a slow device."""
END_LIMIT_S = 5.0
"""For a process that has closed its end of the pipe to end as well."""
STDERR_TAIL = 300
"""Characters of the process's last standard error that are put into a message."""
LONGEST_ANSWER = 1 << 26
"""Characters; a longer line is no answer of ours."""
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = (
    # A group of its own, so that helpers which the runtime forks are ended with it.
    "import os, runpy, sys; hasattr(os, 'setpgrp') and os.setpgrp(); "
    # A folder named profilers in the current folder must not be taken for this package (Python 3.8 has no -P).
    "sys.path[:] = [folder for folder in sys.path if folder]; "
    "runpy.run_module('profilers.measuring.worker', run_name='__main__', alter_sys=True)"
)


class WorkerProcess:
    """A child process that runs :mod:`profilers.measuring.worker`, started by its first request.

    Close it, or use it as a context. The child is gone after :class:`WorkerDied`, and :meth:`start` makes a new one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stderr: IO[bytes] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """The child's process id; ``None`` while there is no child."""
        return None if self._process is None else self._process.pid

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a child, send it the first request, which sets it up, and return its answer.

        Raises:
            WorkerDied: As :meth:`ask`.
            CompofaError: As :meth:`ask`.
        """
        self.close()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOTSTRAP, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(
            target=_read_answers, args=(self._process.stdout, self._answers), daemon=True
        ).start()
        return self.ask(request, START_LIMIT_S)

    def ask(self, request: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Args:
            request: A JSON-ready request.
            limit_s: The longest wait in seconds.

        Raises:
            WorkerDied: The child ends, does not answer in time, or writes something that is no answer to this request.
            CompofaError: The error that the child answers with.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._asked += 1
        try:
            process.stdin.write(json.dumps({**request, "number": self._asked}) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=limit_s)
        except queue.Empty:
            raise self._bury(f"did not answer within {limit_s:g} s") from None
        except BrokenPipeError:
            line = None
        if line is None:
            raise self._bury("")
        answer = _parse_answer(line, self._asked)
        if answer is None:
            raise self._bury("wrote something else than its answer, as a runtime may that prints")
        if "error" in answer:
            raise decode_error(answer)
        return answer

    def close(self) -> None:
        """End the child and the processes of its group, if there are any, and wait until the child is gone."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            if process.stdin is not None:
                # Nobody is left to read the rest of a request.
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
        """End the child and its group; the error tells how it died, and its last standard error."""
        process, stderr = self._process, self._stderr
        assert process is not None
        assert stderr is not None
        if not how:
            try:
                code = process.wait(END_LIMIT_S)
                how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            except subprocess.TimeoutExpired:
                how = "closed its standard output and went on running"
        _kill(process)
        stderr.seek(0)
        said = " ".join(stderr.read().decode(errors="replace").split())[-STDERR_TAIL:]
        self.close()
        return WorkerDied(f"the measuring process {how}" + (f" (it last said: {said})" if said else ""))


def _kill(process: subprocess.Popen[str]) -> None:
    """End a child and the other processes of its group."""
    if hasattr(os, "killpg"):
        # It has no group of its own yet where it was just started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _parse_answer(line: str, number: int) -> dict[str, Any] | None:
    """The answer to a request by its number; ``None`` where the line is none."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or answer.pop("number", None) != number:
        return None
    return answer


def _read_answers(pipe: IO[str], answers: queue.SimpleQueue[str | None]) -> None:
    # Only this thread may close the pipe: while it reads, another would wait for its end, which a process that the
    # child has forked can hold off.
    with pipe:
        while line := pipe.readline(LONGEST_ANSWER):
            answers.put(line)
    answers.put(None)
