"""Fitting isolated layers to whole networks, and stating the error: pure functions of arrays."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HUBER_THRESHOLD = 1.345
"""In standard deviations; keeps 95 % of least squares' efficiency on normal errors (Huber, Robust Statistics)."""
HUBER_ITERATIONS = 20
MAD_SCALE = 1.4826


def fit_affine(sums: Array, measured: Array) -> tuple[float, float]:
    """Slope and intercept of ``measured ~ slope * sums + intercept``, by relative residuals.

    Both arrays are (n,), in ms, above 0. Each residual is divided by what was measured, so that a fast network
    counts as much as a slow one, and large ones weigh less (Huber). Networks whose sums hardly differ give no
    slope; then, and where a slope would not be positive, the line goes through the origin.
    """
    if len(sums) < 2 or np.ptp(sums) < 1e-3 * np.mean(sums):
        return float(np.median(measured / sums)), 0.0
    design = np.stack([sums / measured, 1 / measured], axis=1)
    weights = np.ones(len(sums))
    slope = intercept = 0.0
    for _ in range(HUBER_ITERATIONS):
        root = np.sqrt(weights)
        slope, intercept = np.linalg.lstsq(design * root[:, None], root, rcond=None)[0]
        residuals = np.abs(design @ (slope, intercept) - 1)
        scale = MAD_SCALE * np.median(residuals)
        # A fit that is exact for most leaves no scale to judge the rest by.
        if scale < 1e-9:
            break
        weights = np.minimum(1, HUBER_THRESHOLD * scale / np.maximum(residuals, 1e-12))
    if slope <= 0:
        return float(np.median(measured / sums)), 0.0
    return float(slope), float(intercept)


def leave_one_out(sums: Array, measured: Array) -> Array:
    """Predictions (n,) of :func:`fit_affine` for each network, fitted on all the others; n is at least 2."""
    predicted = np.empty(len(sums))
    for i in range(len(sums)):
        others = np.arange(len(sums)) != i
        slope, intercept = fit_affine(sums[others], measured[others])
        predicted[i] = slope * sums[i] + intercept
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
