"""What OpenVINO's operators take, from what it tells of its calls."""

from __future__ import annotations

from typing import Any

from latency_tables.units import NS_PER_MS
from profilers.machine.clock import Clock

PROFILE_WARM_UP_CALLS = 10
PROFILE_WINDOWS = 3
"""Stretches of calls, of which an operator is given the median: one that was disturbed does not count."""
PROFILE_WINDOW_MS = 60.0
PROFILE_WINDOW_CALLS = (10, 60)
"""A window is as many calls as fill that time, but at least and at most so many."""


def profile_windows(request: Any, clock: Clock) -> tuple[list[str], list[list[float]]]:
    """The operators, and what each takes in each window, in seconds, on the CPU.

    What OpenVINO tells there is the mean over all calls since the model was compiled, of which the first takes many
    times as long as the others. So the calls of a window are told by the means before and after it.
    """
    for _ in range(PROFILE_WARM_UP_CALLS):
        request.infer()
    begun = clock()
    request.infer()
    fewest, most = PROFILE_WINDOW_CALLS
    calls = min(max(round(PROFILE_WINDOW_MS * NS_PER_MS / max(clock() - begun, 1)), fewest), most)
    done = PROFILE_WARM_UP_CALLS + 1
    before = _read_totals(request, done)
    windows = []
    for _ in range(PROFILE_WINDOWS):
        for _ in range(calls):
            request.infer()
        done += calls
        after = _read_totals(request, done)
        windows.append([max(end - start, 0.0) / calls for start, end in zip(before, after)])
        before = after
    return [operator.node_name for operator in request.get_profiling_info()], windows


def profile_calls(request: Any) -> tuple[list[str], list[list[float]]]:
    """The operators, and what each takes in each of some calls, in seconds, on a device that tells of the last one."""
    for _ in range(PROFILE_WARM_UP_CALLS):
        request.infer()
    calls = []
    for _ in range(PROFILE_WINDOW_CALLS[0]):
        request.infer()
        calls.append(_read_totals(request, 1))
    return [operator.node_name for operator in request.get_profiling_info()], calls


def _read_totals(request: Any, calls: int) -> list[float]:
    """What each operator took in all of so many calls, in seconds."""
    return [operator.real_time.total_seconds() * calls for operator in request.get_profiling_info()]
