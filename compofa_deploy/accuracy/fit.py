"""One's own accuracy predictor, fitted to subnets that were evaluated: pure functions of arrays."""

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
"""Of kernel sizes, and as many of expand ratios."""

FOLDS = 10
MIN_SUBNETS = 2 * FOLDS
"""Two a fold, which is the least that cross-validation can rank."""

SHARED_SCALE = 0.5
"""How much a stage's blocks, and all stages, are expected to have in common, relative to what they differ by."""

STRENGTHS = np.logspace(-5, 1, 25)
"""Ridge penalties that are tried, relative to the mean eigenvalue of the subnets' likeness."""


def fit_additive(features: Array, top1: Floats) -> Mlp:
    """What each kernel size and expand ratio of each block, and each resolution, adds to the top-1, from (n, size)
    features and (n,) accuracies in per cent: ridge regression, with the strength whose error left one out is least.

    A penalty alone would draw a block's effect to none; here it is drawn to that of its stage, and that to all stages',
    so that a hundred subnets tell more than a hundred numbers' worth: ridge on features extended by their sums over a
    stage and over all (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 3.4.1, 7.10).
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
    """The error of :func:`fit_additive` for subnets in folds that each fit did not see, chosen strength and all.

    :class:`InputError` where there are too few subnets for that.
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
    """(size, m): features, with their sums over a stage's blocks and over all blocks, and a slope over the resolutions.

    Each is scaled so that a typical subnet's kernel sizes come to about one, and its expand ratios too.
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
