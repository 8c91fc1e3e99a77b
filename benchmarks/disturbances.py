"""What disturbs a machine, done to a measuring process while it measures."""

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
"""The other process computes for so long, and waits for as long."""
BURN = """
import time
while True:
    end = time.perf_counter() + {burst}
    while time.perf_counter() < end:
        pass
    time.sleep({burst})
"""
QUOTA_US, PERIOD_US = 1000, 1700
"""Of each period a throttled process may run so long: a call of a millisecond or two is stretched, as by a slower
clock. The kernel takes no shorter ones."""
BEGINS_S = (0.5, 4.0)
"""When after the start of the measuring process it is disturbed."""
GROUPS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
"""Where control groups of version 1 limit the CPU, and those of version 2."""
POLL_S = 0.02

Disturb = Callable[[int, threading.Event, np.random.Generator], None]
"""Disturbs the process of this id until the event is set, or once."""


def stall(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """The measuring process is stopped for a second."""
    if done.wait(rng.uniform(*BEGINS_S)):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        done.wait(STALL_S)
        os.kill(pid, signal.SIGCONT)


def burn(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """Another process computes half of the time, from beginning to end."""
    with subprocess.Popen([sys.executable, "-c", BURN.format(burst=BURST_S)]) as process:
        done.wait()
        process.kill()


def throttle(pid: int, done: threading.Event, rng: np.random.Generator) -> None:
    """From some moment on the measuring process is given 59 % of a core, by a control group with a short period; where
    none can be made, it is stopped and let go on instead."""
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
    """A new control group with the quota; ``None`` where that is not let."""
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
