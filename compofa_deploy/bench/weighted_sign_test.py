"""The interval of a median log-ratio, from blocks of which some were measured in quieter moments than others.

Who of two models is called first is drawn for each block. If both are alike, then whatever the machine did meanwhile,
each block's log-ratio is as likely to be above zero as below: the sum of the weights of those above is that of fair
coins, and its distribution is known exactly. The interval holds the ratios that this test does not reject (the sign
test, weighted; Lehmann, Nonparametrics, 1975, sections 1.2 and 4.3). No distribution of the noise is assumed, nor that
one block's has nothing to do with the next one's; a block's weight may depend on anything in which both models count
alike.

With equal weights it is what bootstrapping the median would come to with ever more draws (Efron, The Jackknife, the
Bootstrap and Other Resampling Plans, 1982, section 10.3), without the draws, and right for few blocks as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVELS = 24
"""Weights are rounded to so many, to count the outcomes of the coins."""
MIN_SPREAD = 0.005
"""Added to a block's spread, relative: below it, one block is as good as another."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio new / old and the ends of its interval."""

    ratio: float
    low: float
    high: float


def find_interval(log_ratios: Array, spreads: Array, error: float) -> Interval:
    """The weighted median ratio of blocks (n,) that spread (n,) so much within, and an interval of which either end is
    on the wrong side of the truth at most with probability ``error``.

    ``ValueError`` where there are fewer blocks than :func:`count_needed` says.
    """
    weights = weigh(spreads)
    below = _find_quantile(weights, error)
    if below < 0:
        raise ValueError(f"{len(log_ratios)} blocks make no interval with an error of {error}")
    order = np.argsort(log_ratios, kind="stable")
    sorted_ratios, passed = log_ratios[order], np.cumsum(weights[order])
    total = passed[-1]
    low = np.searchsorted(passed, below, side="right")
    high = np.searchsorted(passed, total - below)
    middle = sorted_ratios[np.searchsorted(passed, [total / 2, total / 2 + 0.5])].mean()
    low_ratio, ratio, high_ratio = np.exp([sorted_ratios[low], middle, sorted_ratios[high]]).tolist()
    return Interval(ratio, low_ratio, high_ratio)


def weigh(spreads: Array) -> NDArray[np.int64]:
    """Whole weights of 1 to :data:`LEVELS` for blocks that spread so much within: in proportion to one over the spread,
    which is the best for a sign test where the spread tells how far off a block is."""
    weights = 1 / (spreads + MIN_SPREAD)
    levels: NDArray[np.int64] = np.rint(weights / weights.max() * LEVELS).astype(np.int64)
    return np.maximum(levels, 1)


def count_needed(error: float) -> int:
    """How many blocks it takes at least for an interval to have so small an error.

    >>> count_needed(0.01)
    7
    """
    return math.ceil(-math.log2(error))


def _find_quantile(weights: Sequence[int] | NDArray[np.int64], error: float) -> int:
    """The largest sum that the weights of those coins that show heads stay at or below with a probability of at most
    ``error``; -1 where even none of them does not."""
    chances = np.zeros(int(np.sum(weights)) + 1)
    chances[0] = 1.0
    for weight in weights:
        heads = np.zeros_like(chances)
        heads[weight:] = chances[:-weight]
        chances = (chances + heads) / 2
    return int(np.searchsorted(np.cumsum(chances), error, side="right")) - 1
