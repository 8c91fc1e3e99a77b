"""The weighted sign test: an exact interval for the median log-ratio of blocks of unequal quality.

Each block draws at random which of the two models is called first. Under the null hypothesis both models are equally
fast, and each block's log-ratio is as likely to be above zero as below, whatever the machine did meanwhile. Its sign is
a fair coin, so the distribution of the weighted sum of signs is known exactly. The interval holds the ratios that this
test does not reject (Lehmann, Nonparametrics, 1975, sections 1.2 and 4.3).

The test assumes no distribution of the noise, and no independence between blocks. A block's weight may depend on
anything that treats both models alike.

With equal weights, the interval equals the limit of bootstrapping the median with ever more replicates (Efron, The
Jackknife, the Bootstrap and Other Resampling Plans, 1982, section 10.3). It needs no replicates, and is exact for few
blocks as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVELS = 24
"""Weights are rounded to this many levels, so that the outcomes of the coins can be counted."""
MIN_SPREAD = 0.005
"""Added to each block's spread, relative. Blocks whose spreads are far below it weigh the same."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio new / old, with the ends of its interval."""

    ratio: float
    low: float
    high: float


def find_interval(log_ratios: Array, spreads: Array, error: float) -> Interval:
    """The weighted median ratio of blocks, with its interval.

    Args:
        log_ratios: Each block's log of new / old, (n,).
        spreads: How far the calls within each block lie apart, relative, (n,).
        error: The largest probability that one end of the interval is on the wrong side of the truth.

    Raises:
        ValueError: There are fewer blocks than :func:`count_needed_blocks` says.
    """
    weights = find_weights(spreads)
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


def find_weights(spreads: Array) -> NDArray[np.int64]:
    """Whole weights of 1 to :data:`LEVELS` for blocks, (n,).

    A weight is proportional to one over the block's spread. That is optimal for a sign test where the spread is
    proportional to the block's error.

    Args:
        spreads: How far the calls within each block lie apart, relative, (n,).
    """
    weights = 1 / (spreads + MIN_SPREAD)
    levels: NDArray[np.int64] = np.rint(weights / weights.max() * LEVELS).astype(np.int64)
    return np.maximum(levels, 1)


def count_needed_blocks(error: float) -> int:
    """The smallest number of blocks for which an interval with this error exists.

    >>> count_needed_blocks(0.01)
    7
    """
    return math.ceil(-math.log2(error))


def _find_quantile(weights: Sequence[int] | NDArray[np.int64], error: float) -> int:
    """The largest s such that the weights of the heads sum to at most s with a probability of at most ``error``.

    Returns -1 where even the sum 0 is more likely than ``error``.
    """
    chances = np.zeros(int(np.sum(weights)) + 1)
    chances[0] = 1.0
    for weight in weights:
        heads = np.zeros_like(chances)
        heads[weight:] = chances[:-weight]
        chances = (chances + heads) / 2
    return int(np.searchsorted(np.cumsum(chances), error, side="right")) - 1
