"""Timing: warming a model up, and timing its calls one by one."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Callable

from latency_tables.errors import MeasurementError
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import Clock

Call = Callable[[], object]
"""The function that is timed. An ``int`` that it returns is the call's duration in ns by the device's own clock."""

MIN_WARM_UP_CALLS = 8
MAX_WARM_UP_CALLS = 500
MAX_WARM_UP_MS = 400.0
"""An item that is not steady by then is sampled all the same, and its session says so."""
STEADY_RANGE = 0.01
"""Warm-up ends when three windows agree within this relative range."""
STEADY_WINDOWS = 3
STEADY_WINDOW_NS = 200_000
"""A window has one call, or as many short calls as fill this time: 1 % of a short call is below the clock's noise."""

STALL_FACTOR = 10.0
STALL_MS = 100.0
"""A call that takes this many times the median, and this long, is a stall of the device and no outlier."""


@dataclass(frozen=True)
class WarmUp:
    """How an item was warmed up.

    Attributes:
        calls: The number of calls.
        steady: Whether the last calls agreed.
    """

    calls: int
    steady: bool


@dataclass(frozen=True)
class Samples:
    """Calls that were timed one by one.

    Attributes:
        ns: The duration of each call in ns.
        flags: Faults of the clock or the device that were seen meanwhile.
    """

    ns: tuple[int, ...]
    flags: tuple[str, ...]


def warm_up(call: Call, clock: Clock, max_calls: int = MAX_WARM_UP_CALLS) -> WarmUp:
    """Call until three windows in a row agree within 1 %, at least 8 times.

    Args:
        call: The function to warm up.
        clock: The clock.
        max_calls: The most calls.
    """
    durations: list[int] = []
    spent = 0
    while True:
        begun = clock()
        took = call()
        ended = clock()
        durations.append(max(took if isinstance(took, int) else ended - begun, 1))
        spent += durations[-1]
        if len(durations) < MIN_WARM_UP_CALLS:
            continue
        if _is_steady(durations):
            return WarmUp(len(durations), True)
        if len(durations) >= max_calls or spent >= MAX_WARM_UP_MS * NS_PER_MS:
            return WarmUp(len(durations), False)


def sample(
    call: Call, clock: Clock, *, min_calls: int, min_ms: float, max_calls: int, max_ms: float
) -> Samples:
    """Time calls back to back until both minima are reached or one of the maxima is.

    Args:
        call: The function to time.
        clock: The clock.
        min_calls: The fewest calls.
        min_ms: The shortest time in ms.
        max_calls: The most calls.
        max_ms: The longest time in ms.

    Raises:
        MeasurementError: The clock did not advance during any call.
    """
    durations: list[int] = []
    append = durations.append
    first = clock()
    enough, most = first + int(min_ms * NS_PER_MS), first + int(max_ms * NS_PER_MS)
    for count in range(1, max_calls + 1):
        begun = clock()
        took = call()
        ended = clock()
        append(took if isinstance(took, int) else ended - begun)
        if ended >= most or (count >= min_calls and ended >= enough):
            break
    usable = tuple(duration for duration in durations if duration > 0)
    if not usable:
        raise MeasurementError(
            "the clock did not advance during any call; measure on a machine with a finer clock"
        )
    flags = []
    if len(usable) < len(durations):
        flags.append("the clock went back or stood still")
    median = statistics.median(usable)
    if max(usable) > max(STALL_MS * NS_PER_MS, STALL_FACTOR * median):
        flags.append("the device stalled, or the clock jumped")
    return Samples(usable, tuple(flags))


def _is_steady(durations: list[int]) -> bool:
    recent = durations[-MIN_WARM_UP_CALLS:]
    width = max(1, round(STEADY_WINDOW_NS / statistics.median(recent)))
    if len(durations) < STEADY_WINDOWS * width:
        return False
    windows = [
        statistics.median(durations[len(durations) - (i + 1) * width : len(durations) - i * width])
        for i in range(STEADY_WINDOWS)
    ]
    return max(windows) - min(windows) <= STEADY_RANGE * min(windows)
