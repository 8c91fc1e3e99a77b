"""Drift: the machine's speed at each session of a run, estimated from noisy timings of the reference network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latency_tables.measured_session import MeasuredSession, find_p20

Array = NDArray[np.float64]

HALF_WIDTHS = (0, 1, 2, 4, 8, 16)
"""The numbers of further reference timings, before and after a session, whose median may be taken.

A wide median outvotes a reference timing whose memory was placed badly. A narrow one follows a machine whose speed
changes within a second."""


@dataclass(frozen=True)
class Drift:
    """The reference's latency over a run.

    Attributes:
        reference_ns: The median over the whole run.
        references_ns: The estimate at each session (n,).
    """

    reference_ns: float
    references_ns: tuple[float, ...]


def estimate_drift(sessions: Sequence[MeasuredSession]) -> Drift:
    """Estimate the drift of a run by a running median over its reference timings.

    The width of the median is the one of :data:`HALF_WIDTHS` that makes the sessions of each item most alike.

    Args:
        sessions: All sessions of the run in the order in which they were measured, at least one.
    """
    timings, before, after = _list_reference_timings(sessions)
    samples = np.log([session.p20_ns for session in sessions])
    items = np.unique([session.item for session in sessions], return_inverse=True)[1]
    estimates = [_take_medians(timings, before, after, half_width) for half_width in HALF_WIDTHS]
    best = min(estimates, key=lambda estimate: _measure_spread(samples - np.log(estimate), items))
    return Drift(float(np.median(timings)), tuple(best.tolist()))


def _list_reference_timings(sessions: Sequence[MeasuredSession]) -> tuple[Array, list[int], list[int]]:
    """The 20th percentiles of all reference timings (m,) in order, and the indices of those before and after each
    session."""
    timings: list[float] = []
    before: list[int] = []
    after: list[int] = []
    last: tuple[int, ...] = ()
    for session in sessions:
        for places, timing in ((before, session.reference_before_ns), (after, session.reference_after_ns)):
            # Consecutive sessions may share one timing, which tells the speed at one moment only.
            if timing != last:
                timings.append(find_p20(timing))
                last = timing
            places.append(len(timings) - 1)
    return np.array(timings), before, after


def _take_medians(timings: Array, before: Sequence[int], after: Sequence[int], half_width: int) -> Array:
    """At each session (n,) the median of the reference timings (m,) around it."""
    spans = ((max(b - half_width, 0), a + half_width + 1) for b, a in zip(before, after))
    return np.array([np.median(timings[first:end]) for first, end in spans])


def _measure_spread(logs: Array, items: NDArray[np.intp]) -> float:
    """The mean absolute distance of the sessions (n,) of an item from the item's median."""
    centres = np.array([np.median(logs[items == item]) for item in range(items.max() + 1)])
    return float(np.abs(logs - centres[items]).mean())
