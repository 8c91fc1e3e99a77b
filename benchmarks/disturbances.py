"""Disturbances of a machine, applied to a measuring process while it measures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

STALL_S = 1.0
BURST_S = 0.05
"""The other process computes for this long, and then waits for this long."""
BURN = """
import time
while True:
    end = time.perf_counter() + {burst}
    while time.perf_counter() < end:
        pass
    time.sleep({burst})
"""
QUOTA_US, PERIOD_US = 1000, 1700
"""A throttled process may run for this share of each period. The periods are the shortest that the kernel takes, so
that a call of one or two milliseconds is stretched, as by a slower clock.
"""
BEGINS_S = (0.5, 4.0)
"""Seconds from the start of the measuring process to the disturbance."""
GROUPS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
"""Folders of the control groups of version 1 that limit the CPU, and of version 2."""
POLL_S = 0.02

Disturb = Callable[[int, threading.Event, np.random.Generator], None]
"""A function that disturbs the process of this id once, or until the event is set."""


def stall(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """Stop the measuring process for a second."""
    if done.wait(rng.uniform(*BEGINS_S)):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        done.wait(STALL_S)
        os.kill(pid, signal.SIGCONT)


def burn(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """Let another process compute half of the time, from beginning to end."""
    with subprocess.Popen([sys.executable, "-c", BURN.format(burst=BURST_S)]) as process:
        done.wait()
        process.kill()


def throttle(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """Give the measuring process 59 % of a core from some moment on, by a control group with a short period.

    Where no control group can be made, the process is stopped and continued by signals instead.
    """
    if done.wait(rng.uniform(*BEGINS_S)):
        return
    group = next(filter(None, map(_make_group, GROUPS)), None)
    if group is None:
        with suppress(ProcessLookupError):
            while not done.wait(QUOTA_US / 1e6):
                os.kill(pid, signal.SIGSTOP)
                done.wait((PERIOD_US - QUOTA_US) / 1e6)
                os.kill(pid, signal.SIGCONT)
        return
    with suppress(OSError):
        (group / "cgroup.procs").write_text(str(pid))
    done.wait()
    while _is_used(group):
        threading.Event().wait(POLL_S)
    group.rmdir()


KINDS: dict[str, Disturb] = {"stall of a second": stall, "half a core taken": burn, "throttled": throttle}


@contextmanager
def disturb(parent: int, how: Disturb, rng: np.random.Generator) -> Iterator[None]:
    """Disturb the first child of a process while the block runs."""
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            if children := _list_children(parent):
                how(children[0], done, rng)
                return
            done.wait(POLL_S)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _list_children(pid: int) -> list[int]:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(word) for word in text.split()]
    return []


def _make_group(top: Path) -> Path | None:
    """Return a new control group with the quota, or None where that is not permitted."""
    group = top / f"compofa-gate-power-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    except OSError:
        group.rmdir()
        return None
    return group


def _is_used(group: Path) -> bool:
    return bool((group / "cgroup.procs").read_text(encoding="ascii").split())
