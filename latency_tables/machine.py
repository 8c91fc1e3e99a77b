"""Machines: the fingerprint of a measured machine, and the machine's conditions during a run."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from latency_tables.field_rule import rule
from latency_tables.record import Record

ID_DIGITS = 12
MAX_CLOCK_RANGE = 0.10
"""The largest relative change of the clock. A larger one changes latencies, and not all of them alike."""
MAX_FOREIGN_LOAD = 0.5
"""The largest load by other processes in cores, as the median over a run. A larger one slows the measured calls."""


MIN_ELAPSED_MS = 500
"""Processor time is counted in ticks of 10 ms, so shorter times say little."""


def hash_json(data: Any) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a value's canonical JSON.

    >>> hash_json({"b": 1, "a": 2}) == hash_json({"a": 2, "b": 1})
    True
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


@dataclass(frozen=True)
class Machine(Record):
    """The properties of a machine that a latency depends on, and that stay the same between two runs.

    Attributes:
        cpu_model: The CPU's name. Several generations of a CPU may share one.
        architecture: The instruction set, as in ``x86_64``.
        isa: The instruction-set flags by which runtimes choose kernels, sorted.
        cores: The cores that this process may use.
        cpu_quota: A container's limit in cores; ``None`` without one.
        os: The operating system's name.
        emulated: Whether another kind of CPU only acts as this one, as under qemu. Results are then right, and
            latencies mean nothing.
        cpu_details: Details that distinguish machines of one CPU name, as in ``family 25`` or ``L2 cache 1024K``. It is
            empty in files that were written before it was read.
    """

    cpu_model: str
    architecture: str
    isa: tuple[str, ...]
    cores: int = field(metadata=rule(minimum=1))
    cpu_quota: float | None
    os: str
    emulated: bool = field(default=False, metadata=rule(optional=True))
    cpu_details: tuple[str, ...] = field(default=(), metadata=rule(omit=True))

    @property
    def id(self) -> str:
        """12 hexadecimal digits; equal for equal machines."""
        return hash_json(self.to_dict())

    @property
    def usable_threads(self) -> int:
        """The number of threads that can run at once within the quota."""
        if self.cpu_quota is None:
            return self.cores
        return max(1, min(self.cores, math.floor(self.cpu_quota)))

    def may_be(self, other: Machine) -> bool:
        """Whether two fingerprints may be of one machine: they are equal, or one is from an older file that has no
        CPU details and is equal otherwise."""
        if self.cpu_details and other.cpu_details:
            return self == other
        return replace(self, cpu_details=()) == replace(other, cpu_details=())


@dataclass(frozen=True)
class Conditions(Record):
    """The state of a machine at one moment. ``None`` stands for a value that could not be read.

    Attributes:
        when: The moment: ISO 8601, in UTC.
        load_average: The number of processes that ran or wanted to run, over the last minute.
        frequency_mhz: The mean clock of the cores.
        throttle_count: The times that heat slowed a core since the machine started.
        quota_throttle_count: The times that the container's quota stopped its processes.
        memory_available_bytes: The available memory.
        steal_ms: The time, summed over cores, that a virtual machine waited while its host ran others.
    """

    when: str
    load_average: float | None
    frequency_mhz: float | None
    throttle_count: int | None
    quota_throttle_count: int | None
    memory_available_bytes: int | None
    steal_ms: int | None = field(default=None, metadata=rule(optional=True))
    cpu_elapsed_ms: int | None = field(default=None, metadata=rule(omit=True))
    cpu_busy_ms: int | None = field(default=None, metadata=rule(omit=True))
    cpu_own_ms: int | None = field(default=None, metadata=rule(omit=True))


def list_doubts(conditions: Sequence[Conditions], threads: int) -> tuple[str, ...]:
    """The reasons not to trust a measurement, from the machine's conditions.

    Args:
        conditions: The conditions in the order in which they were read.
        threads: The threads of the measured runtime.

    Returns:
        One sentence for each reason; empty where there is none, or nothing could be read.
    """
    found = []
    heat = _read_all(conditions, "throttle_count")
    if heat and heat[-1] > heat[0]:
        found.append(f"the cores were slowed by heat {heat[-1] - heat[0]:.0f} times")
    quota = _read_all(conditions, "quota_throttle_count")
    if quota and quota[-1] > quota[0]:
        found.append(f"the container's quota stopped it {quota[-1] - quota[0]:.0f} times")
    clocks = _read_all(conditions, "frequency_mhz")
    if clocks and max(clocks) - min(clocks) > MAX_CLOCK_RANGE * max(clocks):
        found.append(f"the clock went from {min(clocks):.0f} to {max(clocks):.0f} MHz")
    foreign = find_foreign_cores(conditions, threads)
    if foreign is not None and foreign > MAX_FOREIGN_LOAD:
        found.append(f"other work kept {foreign:.1f} cores busy")
    return tuple(found)


def find_foreign_cores(conditions: Sequence[Conditions], threads: int) -> float | None:
    """How many cores other work kept busy, on average between the first and the last of some conditions.

    Processor time tells it, less the measuring process's own. The load average stands in for it where processor time is
    unknown; it holds own work as well, of which only the measuring threads are known.

    Args:
        conditions: Conditions in their order.
        threads: The threads that measure.

    Returns:
        The number of cores; ``None`` where nothing is known.
    """
    elapsed, busy, own = (_read_all(conditions, f"cpu_{part}_ms") for part in ("elapsed", "busy", "own"))
    if min(len(elapsed), len(busy), len(own)) >= 2 and elapsed[-1] - elapsed[0] >= MIN_ELAPSED_MS:
        return ((busy[-1] - busy[0]) - (own[-1] - own[0])) / (elapsed[-1] - elapsed[0])
    loads = [] if elapsed else _read_all(conditions, "load_average")
    return statistics.median(loads) - threads if loads else None


def _read_all(conditions: Sequence[Conditions], name: str) -> list[float]:
    values = [getattr(condition, name) for condition in conditions]
    return [float(value) for value in values if value is not None]
