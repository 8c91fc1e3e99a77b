"""The clock of every latency, and the time of day. No other module reads a clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Callable

from latency_tables.units import NS_PER_S

Clock = Callable[[], int]
"""A function that returns nanoseconds since some moment, and never goes back on a sound machine."""
now_ns: Clock = time.perf_counter_ns
"""The monotonic clock itself. A function around it would add to the time of every call."""


def now_s() -> float:
    """Seconds since some moment, to measure how long a step of minutes takes."""
    return now_ns() / NS_PER_S


def read_time() -> str:
    """The time of day in UTC, in ISO 8601, for people to read. It never measures anything."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read_local_time() -> str:
    """The time of day of this machine's time zone, as in ``2026-01-31 18:05:00``, for logs."""
    return datetime.now().isoformat(sep=" ", timespec="seconds")
