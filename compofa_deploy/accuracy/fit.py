"""Fitting an accuracy predictor to subnets that were evaluated. These are pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.encoding import BLOCK_FEATURES, Array
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictor import HeldOutError
from compofa_deploy.space.subnet import BLOCKS, KERNELS, MAX_DEPTH
from latency_tables.errors import InputError
from latency_tables.fit import rank_correlation

Floats = NDArray[np.float64]

CHOICES = len(KERNELS)
"""The number of kernel sizes, which is that of expand ratios too."""

FOLDS = 10
MIN_SUBNETS = 2 * FOLDS
"""Two in each fold, the fewest that cross-validation can rank."""

SHARED_SCALE = 0.5
"""The prior scale of effects that are shared within a stage, or by all stages, relative to those of single blocks."""

STRENGTHS = np.logspace(-5, 1, 25)
"""The ridge penalties that are tried, relative to the mean eigenvalue of the Gram matrix of the subnets."""


def fit_additive(features: Array, top1: Floats) -> Mlp:
    """Fit an additive model of top-1 by ridge regression: an effect of each block's choices and of each resolution.

    Plain ridge regression shrinks the effect of a block to zero. Here it is shrunk to the effect of its stage, and
    that to the effect of all stages, so that a hundred subnets suffice. This is ridge regression on features that are
    extended by their sums over a stage and over all blocks. The penalty has the least leave-one-out error (Hastie,
    Tibshirani & Friedman, The Elements of Statistical Learning, sections 3.4.1 and 7.10).

    Args:
        features: (n, size), as :func:`compofa_deploy.accuracy.encoding.encode` gives them.
        top1: (n,), in per cent.

    Returns:
        A linear model that gives top-1 in per cent.
    """
    shares = _share(features.shape[1])
    likeness = features @ shares
    mean = float(top1.mean())
    values, vectors = np.linalg.eigh(likeness @ likeness.T)
    projected = vectors.T @ (top1 - mean)
    best, solution = np.inf, np.zeros(len(top1))
    for strength in STRENGTHS:
        inverse = 1 / (np.maximum(values, 0) + strength * values.mean())
        candidate = vectors @ (inverse * projected)
        left_out = candidate / (vectors**2 @ inverse)
        if (score := float(np.mean(left_out**2))) < best:
            best, solution = score, candidate
    weights = shares @ (likeness.T @ solution)
    return Mlp((weights[None].astype(np.float32),), (np.array([mean], np.float32),))


def cross_validate(features: Array, top1: Floats, rng: np.random.Generator) -> HeldOutError:
    """Estimate the error of :func:`fit_additive`, choice of the penalty included, by cross-validation.

    Args:
        features: (n, size), as :func:`compofa_deploy.accuracy.encoding.encode` gives them.
        top1: (n,), in per cent.
        rng: Divides the subnets into folds.

    Raises:
        InputError: There are fewer than ``MIN_SUBNETS`` subnets.
    """
    n = len(top1)
    if n < MIN_SUBNETS:
        raise InputError(f"a predictor is fitted to at least {MIN_SUBNETS} subnets; got {n}: evaluate more")
    fold = rng.permutation(n) % FOLDS
    predicted = np.empty(n)
    for number in range(FOLDS):
        held_out = fold == number
        predicted[held_out] = fit_additive(features[~held_out], top1[~held_out]).run(features[held_out])
    apart = np.abs(predicted - top1)
    return HeldOutError(float(apart.mean()), float(apart.max()), rank_correlation(predicted, top1), n, FOLDS)


def _share(size: int) -> Floats:
    """The matrix (size, m) that extends features by their sums over each stage and over all blocks, and by a slope.

    The slope is over the resolutions. Columns are scaled so that the kernel sizes of a typical subnet have a norm of
    about one, and its expand ratios too.
    """
    choices, stages = np.eye(CHOICES), BLOCKS // MAX_DEPTH
    own = np.eye(BLOCKS * CHOICES) / np.sqrt(2 * BLOCKS)
    stage = np.kron(np.eye(stages), np.kron(np.ones((MAX_DEPTH, 1)), choices)) / MAX_DEPTH
    everywhere = np.kron(np.ones((BLOCKS, 1)), choices) / (BLOCKS / np.sqrt(CHOICES))
    blocks = np.kron(np.eye(2), np.hstack([own, SHARED_SCALE * stage, SHARED_SCALE * everywhere]))
    places = size - BLOCK_FEATURES
    slope = np.arange(places)[:, None] / max(places - 1, 1)
    resolutions = np.hstack([np.eye(places), slope])
    above, below = np.zeros((len(blocks), resolutions.shape[1])), np.zeros((places, blocks.shape[1]))
    return np.block([[blocks, above], [below, resolutions]])
