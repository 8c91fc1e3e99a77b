"""The time that the cores of this process spent at work, and the part of it that this process and its children took.

The load average cannot tell foreign work from one's own: it holds the process that measures, its workers, and whatever
ran in the minute before. Processor time can (proc(5), /proc/stat and /proc/PID/stat).
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from profilers.machine.files import read_text

_IDLE_FIELDS = (3, 4)
"""Idle and waiting for a disk, in a line of /proc/stat behind the core's name."""
_STEAL_FIELD = 7
_COUNTED_FIELDS = 8
"""The time of guests, which follows, is part of the others."""
_PARENT_FIELD = 1
_TIME_FIELDS = (11, 12, 13, 14)
"""User and system time of a process and of its children that ended, in /proc/PID/stat behind the name."""


@dataclass(frozen=True)
class CpuTime:
    """Processor time since the machine started, in ms.

    Attributes:
        elapsed_ms: The time that passed, as the cores count it.
        busy_ms: The time at work, summed over the cores that this process may use.
        own_ms: The time that this process and all processes below it took.
    """

    elapsed_ms: int
    busy_ms: int
    own_ms: int


def read_cpu_time(root: Path = Path("/"), pid: int = 0) -> CpuTime | None:
    """The processor time until now; ``None`` where the system does not tell.

    Args:
        root: The folder that holds ``proc``.
        pid: The process whose time is its own; 0 for this one.
    """
    lines = (read_text(root / "proc/stat") or "").splitlines()
    allowed = _list_cores()
    total, busy, cores = 0, 0, 0
    for line in lines:
        name, *words = line.split()
        if not name.startswith("cpu") or not name[3:].isdigit():
            continue
        if allowed is not None and int(name[3:]) not in allowed:
            continue
        times = [int(word) for word in words[:_COUNTED_FIELDS] if word.isdigit()]
        if len(times) < _COUNTED_FIELDS:
            return None
        cores += 1
        total += sum(times)
        busy += sum(times) - sum(times[place] for place in _IDLE_FIELDS) - times[_STEAL_FIELD]
    own = _read_own(root, pid or os.getpid())
    if not cores or own is None:
        return None
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    return CpuTime(round(total * tick_ms / cores), round(busy * tick_ms), round(own * tick_ms))


def _list_cores() -> set[int] | None:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _read_own(root: Path, pid: int) -> int | None:
    """The ticks of a process and of all processes below it."""
    times: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    try:
        folders = [name for name in os.listdir(root / "proc") if name.isdigit()]
    except OSError:
        return None
    for name in folders:
        words = (read_text(root / "proc" / name / "stat") or "").rpartition(")")[2].split()
        try:
            times[int(name)] = sum(int(words[place]) for place in _TIME_FIELDS)
            children[int(words[_PARENT_FIELD])].append(int(name))
        except (IndexError, ValueError):
            # The process has ended meanwhile.
            continue
    if pid not in times:
        return None
    ticks, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        ticks += times[process]
        waiting += children[process]
    return ticks
