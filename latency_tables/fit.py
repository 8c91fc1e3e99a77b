"""Fitting isolated layers to whole networks, and stating the error: pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HUBER_THRESHOLD = 1.345
"""In standard deviations; keeps 95 % of least squares' efficiency on normal errors (Huber, Robust Statistics)."""
HUBER_ITERATIONS = 20
MAD_SCALE = 1.4826
MIN_SCALE = 1e-6
"""A fit that is exact for most networks leaves no scale to judge the others by."""
RELATIVE_NOISE = 0.01
"""What a network's measured latency is expected to be off by, relative, where its sessions do not tell."""


@dataclass(frozen=True)
class Design:
    """What is fitted to what: n networks of k kinds of layers.

    ``parts`` (k, f) are what a layer's cost is made of, ``counts`` (n, k) how often each network runs each layer,
    ``whole`` (n, w) what is no layer's own, ``measured`` (n,) the networks' latencies. A layer's cost is ``parts``
    times coefficients; these and those of ``whole`` have a normal prior of mean ``prior`` and standard deviations
    ``scales``, both (f + w,). ``noise`` is what a measured latency is expected to be off by, relative; it weighs the
    data against the prior.
    """

    parts: Array
    counts: Array
    whole: Array
    measured: Array
    prior: Array
    scales: Array
    noise: float = RELATIVE_NOISE

    def take(self, networks: NDArray[np.bool_]) -> Design:
        """The same of some of the networks."""
        return replace(
            self,
            counts=self.counts[networks],
            whole=self.whole[networks],
            measured=self.measured[networks],
        )


def fit_costs(design: Design) -> tuple[Array, Array]:
    """What each layer costs within a network (k,), and the coefficients of what a network costs as a whole (w,).

    A ridge regression, whose penalties say how far each coefficient may be off its prior. Residuals are relative, so
    that a fast network counts as much as a slow one, and large ones weigh less (Huber, Robust Statistics). No cost is
    below 0.
    """
    columns = np.hstack([design.counts @ design.parts, design.whole]) / design.measured[:, None]
    target = 1 - columns @ design.prior
    scaled = columns * design.scales
    # There are more coefficients than networks: the same solution by a system of as many equations as networks.
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
    """Predictions (n,) of :func:`fit_costs` for each network, fitted on all the others; n is at least 2.

    ``designs`` are of all n networks, one for each that is left out: as it is made where nothing is known of that one.
    """
    predicted = np.empty(len(designs))
    for i, design in enumerate(designs):
        costs, coefficients = fit_costs(design.take(np.arange(len(designs)) != i))
        predicted[i] = design.counts[i] @ costs + design.whole[i] @ coefficients
    return predicted


def relative_residuals(predicted: Array, measured: Array) -> Array:
    """How much more was measured than predicted, relative to the prediction."""
    return measured / predicted - 1


def conformal_quantile(scores: Array, confidence: float) -> float:
    """The score (n,) that a new one stays below with at least ``confidence``, if it is exchangeable with these.

    The ceil((n + 1) * confidence)-th smallest (Vovk et al., Algorithmic Learning in a Random World). With fewer
    scores than the confidence needs this is the largest, whose own confidence is n / (n + 1).
    """
    rank = math.ceil((len(scores) + 1) * confidence - 1e-9)
    return float(np.sort(scores)[min(max(rank, 1), len(scores)) - 1])


def rank_correlation(first: Array, second: Array) -> float:
    """Spearman's, with ties given their mean rank; 1.0 where there are fewer than two different values to rank."""
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
