"""The clock that every latency is read from, and the time of day for people to read."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Callable

Clock = Callable[[], int]
"""Nanoseconds since some moment; never goes back on a sound machine."""
now_ns: Clock = time.perf_counter_ns
"""The monotonic clock itself: a function around it would add to every call that is timed."""


def read_time() -> str:
    """The time of day in UTC, ISO 8601, for people to read; never used to measure."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
