"""Measured sessions: the raw samples of one fresh session of an item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latency_tables.field_rule import rule
from latency_tables.record import Record

SAMPLES = rule(minimum=1, entries=1, advice="measure again")
"""The rule of a field of samples in ns."""
SESSION_PERCENTILE = 20
"""The percentile of a session's calls by which sessions are compared.

A neighbour may take the caches and half of the core for a while. The median then depends on how often that happened,
which differs between sessions; the 20th percentile hardly does. The fastest calls are too few to rely on.
docs/measurement.md has the figures."""


@dataclass(frozen=True)
class MeasuredSession(Record):
    """The calls of one fresh session of an item, and the reference timings just before and after it.

    Attributes:
        item: The item's id.
        number: The number of the session among those of its item, from 0.
        samples_ns: The duration of each call.
        reference_before_ns: The durations of the reference's calls just before the session.
        reference_after_ns: The durations of the reference's calls just after it.
        warm_up_calls: The calls before the first sample.
        steady: Whether the calls had become steady before the first sample.
        flags: Faults of the clock or the device during the sampling.
        when: The time of the session: ISO 8601, in UTC.
        layer_shares: Each layer's share of a network's time, in order; empty where the runtime did not tell.
    """

    item: str
    number: int = field(metadata=rule(key="session"))
    samples_ns: tuple[int, ...] = field(metadata=SAMPLES)
    reference_before_ns: tuple[int, ...] = field(metadata=SAMPLES)
    reference_after_ns: tuple[int, ...] = field(metadata=SAMPLES)
    warm_up_calls: int
    steady: bool
    flags: tuple[str, ...]
    when: str
    layer_shares: tuple[float, ...] = ()

    @property
    def p20_ns(self) -> float:
        """The 20th percentile of the calls."""
        return find_p20(self.samples_ns)

    @property
    def median_to_p20_ratio(self) -> float:
        """The median call divided by the 20th percentile."""
        return float(np.median(self.samples_ns)) / self.p20_ns

    @property
    def reference_ns(self) -> float:
        """The reference's 20th percentile during this session: the mean of before and after.

        A drift that is linear over the session leaves this mean right.
        """
        return (find_p20(self.reference_before_ns) + find_p20(self.reference_after_ns)) / 2

    @property
    def reference_shift(self) -> float:
        """The change of the reference's 20th percentile from before to after, relative to their mean."""
        shift = find_p20(self.reference_after_ns) - find_p20(self.reference_before_ns)
        return abs(shift) / self.reference_ns


def find_p20(samples: Sequence[float] | NDArray[np.float64]) -> float:
    """The 20th percentile of calls (n,), n at least 1."""
    return float(np.percentile(samples, SESSION_PERCENTILE))


def find_median_to_p20_ratio(sessions: Iterable[MeasuredSession]) -> float:
    """The median call divided by the 20th percentile, as one ratio for all sessions of a run, at least one.

    The ratio of a single session is mostly chance, so the median over the sessions is taken.
    """
    return float(np.median([session.median_to_p20_ratio for session in sessions]))
