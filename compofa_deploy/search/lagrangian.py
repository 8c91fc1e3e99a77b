"""The best subnet of a linear accuracy under a budget, by Lagrangian relaxation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, RUNS_AT_DEPTH, Choices, Space
from compofa_deploy.space.subnet import BLOCKS, MAX_DEPTH, STAGES

Floats = NDArray[np.float64]

OCTAVES = 6
"""The price of a millisecond is looked for this many powers of two above and below the gains' mean."""
HALVINGS = 8
"""Leaves 3 % of the price open: finer than the gaps between the solutions that a price can have."""


def relax(gains: Floats, costs: Floats, budgets: Floats, cheapest: Choices, space: Space) -> Choices:
    """(n, 20): for each row a member of the space that costs at most the row's budget, with the largest sum of gains
    among those that are best at some price of the cost.

    ``gains`` and ``costs`` are (n, 20, 10), ``budgets`` (n,). At a price, a stage's blocks and depth are chosen one by
    one, exactly; the price is found by bisection (Everett, Operations Research 11, 1963). ``cheapest`` (n, 20) keep
    their budgets, and are the answer where no price's solution does.
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


def _choose(values: Floats) -> Choices:
    """(n, 20): the choices with the largest sums of values (n, depths or 1, 20, 10); one where the settings of a stage
    do not depend on its depth."""
    count, depths = values.shape[:2]
    settings = values[..., :ABSENT]
    most = settings.max(axis=3).reshape(count, depths, STAGES, MAX_DEPTH)
    absent = values[..., ABSENT].reshape(count, depths, STAGES, MAX_DEPTH)
    totals = np.where(RUNS_AT_DEPTH[:, None], most, absent).sum(axis=3)
    depth = totals.argmax(axis=1)
    best = settings.argmax(axis=3).reshape(count, depths, STAGES, MAX_DEPTH)
    at_depth = best[np.arange(count)[:, None], depth if depths > 1 else 0, np.arange(STAGES)]
    return np.where(RUNS_AT_DEPTH[depth], at_depth, ABSENT).reshape(count, BLOCKS)
