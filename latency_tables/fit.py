"""The fit of layers' costs to whole networks, and the statistics of its errors: pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import InputError

Array = NDArray[np.float64]

HUBER_THRESHOLD = 1.345
"""The threshold of Huber's loss in standard deviations.

It keeps 95 % of the efficiency of least squares on normal errors (Huber, Robust Statistics)."""
HUBER_ITERATIONS = 20
MAD_SCALE = 1.4826
"""The standard deviation divided by the median absolute deviation, for normally distributed values."""
MIN_SCALE = 1e-6
"""The smallest standard deviation of residuals. A fit that is exact for most networks would leave none."""
RELATIVE_NOISE = 0.01
"""The relative noise of a network's latency, where its sessions do not tell it."""


@dataclass(frozen=True)
class Design:
    """A linear model of the latencies of n networks, made of k layers.

    A layer's cost is a row of ``parts`` times coefficients. A network's latency is the sum of its layers' costs, plus a
    row of ``whole`` times further coefficients.

    Attributes:
        parts: The terms of each layer's cost (k, f).
        counts: The number of times that each network runs each layer (n, k).
        whole: The terms of each network beside its layers (n, w).
        measured: The latency of each network (n,).
        prior: The mean of each coefficient's normal prior (f + w,).
        scales: The standard deviation of each coefficient's normal prior (f + w,).
        noise: The relative standard deviation of a measured latency, which weighs the data against the prior.
    """

    parts: Array
    counts: Array
    whole: Array
    measured: Array
    prior: Array
    scales: Array
    noise: float = RELATIVE_NOISE

    def take(self, networks: NDArray[np.bool_]) -> Design:
        """The design of some of the networks, by a mask (n,)."""
        return replace(
            self,
            counts=self.counts[networks],
            whole=self.whole[networks],
            measured=self.measured[networks],
        )


@contextmanager
def refuse_unfit() -> Iterator[None]:
    """Turn an arithmetic error of the block into an error that the user can fix.

    Raises:
        InputError: Latencies overflow, are 0 or lead to a singular system.
    """
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            yield
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise InputError(
            f"the measured latencies are too large, too small or too unequal to be fitted ({error}); measure anew"
        ) from None


def fit_costs(design: Design) -> tuple[Array, Array]:
    """Fit the coefficients of a design by a robust ridge regression.

    Residuals are relative, so that a fast network counts as much as a slow one. Large residuals weigh less (Huber,
    Robust Statistics). The penalty of a coefficient follows from its prior. No cost is below 0.

    Returns:
        The cost of each layer within a network (k,), and the coefficients of a network's own terms (w,).
    """
    columns = np.hstack([design.counts @ design.parts, design.whole]) / design.measured[:, None]
    target = 1 - columns @ design.prior
    scaled = columns * design.scales
    # There are more coefficients than networks, so the dual system, of one equation for each network, is solved.
    gram = scaled @ scaled.T
    weights: Array = np.ones(len(target))
    change: Array = np.zeros(scaled.shape[1])
    for _ in range(HUBER_ITERATIONS):
        change = scaled.T @ np.linalg.solve(gram + np.diag(design.noise**2 / weights), target)
        residuals = np.abs(target - scaled @ change)
        limit = HUBER_THRESHOLD * max(MAD_SCALE * float(np.median(residuals)), MIN_SCALE)
        weights = limit / np.maximum(residuals, limit)
    coefficients = design.prior + change * design.scales
    features = design.parts.shape[1]
    return np.maximum(design.parts @ coefficients[:features], 0), coefficients[features:]


def leave_one_out(designs: Sequence[Design]) -> Array:
    """Predict each network by a fit to all other networks.

    Args:
        designs: One design of all n networks for each network that is left out, n at least 2. It may use nothing that
            was measured of that network.

    Returns:
        The predictions (n,).
    """
    predicted = np.empty(len(designs))
    for i, design in enumerate(designs):
        costs, coefficients = fit_costs(design.take(np.arange(len(designs)) != i))
        predicted[i] = design.counts[i] @ costs + design.whole[i] @ coefficients
    return predicted


def relative_residuals(predicted: Array, measured: Array) -> Array:
    """The values of measured / predicted - 1 (n,)."""
    return measured / predicted - 1


def conformal_quantile(scores: Array, confidence: float) -> float:
    """The conformal quantile: the ceil((n + 1) * confidence)-th smallest score.

    A new score that is exchangeable with these stays below it with at least this confidence (Vovk et al., Algorithmic
    Learning in a Random World). Where the scores are too few for the confidence, the largest score is returned, whose
    confidence is n / (n + 1).

    Args:
        scores: The scores (n,), n at least 1.
        confidence: The confidence, between 0 and 1.
    """
    rank = math.ceil((len(scores) + 1) * confidence - 1e-9)
    return float(np.sort(scores)[min(max(rank, 1), len(scores)) - 1])


def rank_correlation(first: Array, second: Array) -> float:
    """Spearman's rank correlation of two arrays (n,). Ties have their mean rank.

    It is 1.0 where an array has fewer than two different values.
    """
    ranks = np.stack([_rank(first), _rank(second)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.sqrt((ranks**2).sum(axis=1))
    if len(first) < 2 or not lengths.all():
        return 1.0
    return float(np.clip(ranks[0] @ ranks[1] / (lengths[0] * lengths[1]), -1, 1))


def _rank(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_ranks = last - (counts - 1) / 2
    return np.asarray(mean_ranks[inverse], np.float64)
