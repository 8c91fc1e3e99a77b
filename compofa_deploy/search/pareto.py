"""Pareto logic as pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def find_front(cost: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices of the Pareto-optimal points, cheapest first. Of equal points the first is kept.

    A point is Pareto-optimal if no other point has at most its cost and at least its gain, one of them strictly.
    The algorithm is exact and takes O(n log n).

    >>> find_front(np.array([1.0, 2.0, 2.0, 3.0]), np.array([5.0, 7.0, 6.0, 7.0])).tolist()
    [0, 1]
    """
    order = np.lexsort((-gain, cost))
    best_before = np.maximum.accumulate(np.concatenate(([-np.inf], gain[order][:-1])))
    front: NDArray[np.intp] = order[gain[order] > best_before]
    return front


def peel_fronts(cost: NDArray[np.float64], gain: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the indices of the first ``count`` fronts, one after the other.

    Each front is the front of the points that the fronts before it leave (non-dominated sorting; Deb et al., 2002,
    section III.A).

    >>> peel_fronts(np.array([1.0, 2.0, 2.0, 3.0]), np.array([5.0, 7.0, 6.0, 7.0]), 2).tolist()
    [0, 1, 2, 3]
    """
    left, peeled = np.arange(len(cost)), [np.empty(0, np.intp)]
    for _ in range(count):
        front = find_front(cost[left], gain[left])
        peeled.append(left[front])
        left = np.delete(left, front)
    return np.concatenate(peeled)
