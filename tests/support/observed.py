"""What a command and all of its child processes do behind its user's back: files in the home folder, network calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
TRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg")
LIMIT_S = 300.0
KEPT_VARIABLES = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
"""Variables such as ``CI`` are left out, because some packages send nothing where they are set."""
OUTWARD = "sa_family=AF_INET"
"""Marks a system call that reaches for the network, a name server included; it covers IPv6 (``AF_INET6``)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The ``files`` that appeared in a home folder that was empty, and the ``network_calls`` that strace saw.

    ``network_calls`` is ``None`` where strace does not work.
    """

    files: tuple[str, ...]
    network_calls: tuple[str, ...] | None


@cache
def can_trace() -> bool:
    """Whether strace is installed and allowed to follow a process here."""
    if shutil.which(TRACE[0]) is None:
        return False
    return subprocess.run([*TRACE, "true"], capture_output=True, check=False).returncode == 0


def observe(commands: Sequence[Sequence[object]], folder: Path) -> Observed:
    """Run commands one after the other as a user who has an empty home folder.

    Args:
        commands: The words of each command. Each one must end with exit code 0.
        folder: An empty folder for the home folder, the cache of ``compofa`` and the trace.

    Returns:
        What the commands and their child processes left in the home folder and sent.
    """
    home, trace = folder / "home", folder / "trace"
    home.mkdir()
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONPATH": str(ROOT)}
    environment["COMPOFA_CACHE"] = str(folder / "cache")
    calls: list[str] = []
    for words in commands:
        tracer = [*TRACE, "-o", str(trace)] if can_trace() else []
        with (folder / "stderr").open("w+") as stderr:
            code = _run_alone([*tracer, *map(str, words)], environment, folder, stderr)
            stderr.seek(0)
            assert code == 0, stderr.read()
        if tracer:
            calls += [line for line in trace.read_text().splitlines() if OUTWARD in line]
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir())
    return Observed(tuple(files), tuple(calls) if can_trace() else None)


def _run_alone(words: Sequence[str], environment: dict[str, str], folder: Path, stderr: IO[str]) -> int:
    # No pipe is read and the whole group is ended: a reporter that was forked off may outlive a command, or hang it.
    process = subprocess.Popen(
        words, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
    )
    try:
        return process.wait(LIMIT_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
