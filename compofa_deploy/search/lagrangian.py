"""The best subnet under a budget where accuracy is linear in the settings, by Lagrangian relaxation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, RUNS_AT_DEPTH, ChoiceArray, Space
from compofa_deploy.space.subnet import BLOCKS, MAX_DEPTH, STAGES

Floats = NDArray[np.float64]

OCTAVES = 6
"""The bisection covers this many powers of two of the price of a millisecond, above and below the mean gain."""
HALVINGS = 8
"""Steps of the bisection. They find the price within 3 %, which is finer than the gaps between solutions."""


def solve_relaxation(
    gains: Floats, costs: Floats, budgets: Floats, cheapest: ChoiceArray, space: Space
) -> ChoiceArray:
    """Return (n, 20): for each row the best member of the space under the row's budget that the relaxation finds.

    At a given price of the cost, the blocks and the depth of each stage are chosen exactly. The price is found by
    bisection (Everett, Operations Research 11, 1963).

    Args:
        gains: (n, 20, 10): the gain in accuracy of each setting of each block.
        costs: (n, 20, 10): the cost of each setting of each block.
        budgets: (n,): the largest sum of costs.
        cheapest: (n, 20): members that keep their budgets, returned where no solution at any price does.
        space: The space.
    """
    allowed = space.allowed[:, :1] if space.free_depth else space.allowed
    shape = (len(gains), 1, BLOCKS, OPTIONS)
    kept = np.pad(np.repeat(allowed, MAX_DEPTH, axis=0).swapaxes(0, 1), ((0, 0), (0, 0), (0, 1)))
    kept[..., ABSENT] = True
    values = np.where(kept, gains.reshape(shape), -np.inf)
    spread = np.abs(gains).mean(axis=(1, 2)) / np.maximum(costs.mean(axis=(1, 2)), np.finfo(float).tiny)
    exponent, step = np.zeros(len(gains)), OCTAVES / 2
    rows, columns = np.arange(len(gains))[:, None], np.arange(BLOCKS)
    found = cheapest
    for _ in range(HALVINGS):
        price = (spread * 2**exponent)[:, None, None, None]
        choices = _choose(values - price * costs.reshape(shape))
        keeps = costs[rows, columns, choices].sum(axis=1) <= budgets
        found = np.where(keeps[:, None], choices, found)
        exponent += np.where(keeps, -step, step)
        step /= 2
    return found


def _choose(values: Floats) -> ChoiceArray:
    """Return (n, 20): the choices with the largest sums of values.

    Args:
        values: (n, depths, 20, 10), or (n, 1, 20, 10) where the settings of a stage do not depend on its depth.
    """
    count, depths = values.shape[:2]
    settings = values[..., :ABSENT]
    most = settings.max(axis=3).reshape(count, depths, STAGES, MAX_DEPTH)
    absent = values[..., ABSENT].reshape(count, depths, STAGES, MAX_DEPTH)
    totals = np.where(RUNS_AT_DEPTH[:, None], most, absent).sum(axis=3)
    depth = totals.argmax(axis=1)
    best = settings.argmax(axis=3).reshape(count, depths, STAGES, MAX_DEPTH)
    at_depth = best[np.arange(count)[:, None], depth if depths > 1 else 0, np.arange(STAGES)]
    return np.where(RUNS_AT_DEPTH[depth], at_depth, ABSENT).reshape(count, BLOCKS)
