"""Processes that tests start, or that their subjects do: whether they run, and waiting for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether there is such a process and it has not ended."""
    try:
        return _read_stat(pid)[0] != "Z"
    except OSError:
        return False


def list_session(session: int) -> list[int]:
    """The running processes of a POSIX session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of = _read_stat(int(folder.name))[:4]
        except OSError:
            continue
        if int(of) == session and state != "Z":
            found.append(int(folder.name))
    return found


def wait_for(condition: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait until a condition holds, and fail where it never does."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)


def _read_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, group, session and more."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
