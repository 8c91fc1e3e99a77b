"""Drift: how fast the machine was at each visit, from looks at the reference that are themselves noisy; and how much it
was disturbed over the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latency_tables.measurement import Visit, find_quiet

Array = NDArray[np.float64]

HALF_WIDTHS = (0, 1, 2, 4, 8, 16)
"""How many looks further back and ahead may be taken together. One session of the reference may have been placed badly
in memory, which many outvote; but a machine whose speed changes within a second is known by the nearest alone."""


@dataclass(frozen=True)
class Drift:
    """The reference's level in ns over the whole run, and at each visit."""

    reference_ns: float
    references_ns: tuple[float, ...]


def estimate_drift(visits: Sequence[Visit]) -> Drift:
    """The drift of a run from its visits, in the order in which they were made, at least one.

    At a visit it is the median of the looks around it, of as many as leave the sessions of one item most alike: few
    where the machine drifts, many where a look is less sure than the machine is steady.
    """
    looks, before, after = _list_looks(visits)
    samples = np.log([visit.quiet_ns for visit in visits])
    items = np.unique([visit.item for visit in visits], return_inverse=True)[1]
    estimates = [_take_medians(looks, before, after, half_width) for half_width in HALF_WIDTHS]
    best = min(estimates, key=lambda estimate: _measure_spread(samples - np.log(estimate), items))
    return Drift(float(np.median(looks)), tuple(best.tolist()))


def find_swell(visits: Iterable[Visit]) -> float:
    """How much longer the median call took than those that were left alone, over all visits of a run, at least one: one
    ratio for all of them, since that of a single visit is mostly chance."""
    return float(np.median([visit.swell for visit in visits]))


def _list_looks(visits: Sequence[Visit]) -> tuple[Array, list[int], list[int]]:
    """The levels of all looks in their order, and which were before and after each visit."""
    looks: list[float] = []
    before: list[int] = []
    after: list[int] = []
    last: tuple[int, ...] = ()
    for visit in visits:
        for places, look in ((before, visit.reference_before_ns), (after, visit.reference_after_ns)):
            # One look may serve many visits, and says how fast the machine was at one moment only.
            if look != last:
                looks.append(find_quiet(look))
                last = look
            places.append(len(looks) - 1)
    return np.array(looks), before, after


def _take_medians(looks: Array, before: Sequence[int], after: Sequence[int], half_width: int) -> Array:
    """At each visit (n,) the median of the looks (m,) around it."""
    spans = ((max(b - half_width, 0), a + half_width + 1) for b, a in zip(before, after))
    return np.array([np.median(looks[first:end]) for first, end in spans])


def _measure_spread(logs: Array, items: NDArray[np.intp]) -> float:
    """How far the visits (n,) of an item lie from its median, on average."""
    centres = np.array([np.median(logs[items == item]) for item in range(items.max() + 1)])
    return float(np.abs(logs - centres[items]).mean())
