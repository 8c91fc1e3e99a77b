"""The times of OpenVINO's operators, read from its profiling information."""

from __future__ import annotations

from typing import Any

from latency_tables.units import NS_PER_MS
from profilers.machine.clock import Clock

PROFILE_WARM_UP_CALLS = 10
PROFILE_WINDOWS = 3
"""Windows of calls, of which the median is taken, so that one disturbed window does not count."""
PROFILE_WINDOW_MS = 60.0
PROFILE_WINDOW_CALLS = (10, 60)
"""The fewest and the most calls of a window, which otherwise has as many as fill ``PROFILE_WINDOW_MS``."""


def profile_windows(request: Any, clock: Clock) -> tuple[list[str], list[list[float]]]:
    """Time the operators of a model on the CPU.

    OpenVINO tells each operator's mean over all calls since the model was compiled, and the first call takes many times
    as long as the others. The mean of a window is therefore computed from the means before and after it.

    Args:
        request: OpenVINO's ``InferRequest`` with its inputs set.
        clock: The clock that sizes the windows.

    Returns:
        The operators' names, and for each window the time of each operator in seconds.
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
    """Time the operators of a model on a device that tells the times of the last call.

    Args:
        request: OpenVINO's ``InferRequest`` with its inputs set.

    Returns:
        The operators' names, and for each call the time of each operator in seconds.
    """
    for _ in range(PROFILE_WARM_UP_CALLS):
        request.infer()
    calls = []
    for _ in range(PROFILE_WINDOW_CALLS[0]):
        request.infer()
        calls.append(_read_totals(request, 1))
    return [operator.node_name for operator in request.get_profiling_info()], calls


def _read_totals(request: Any, calls: int) -> list[float]:
    """The time of each operator in all of a number of calls, in seconds."""
    return [operator.real_time.total_seconds() * calls for operator in request.get_profiling_info()]
