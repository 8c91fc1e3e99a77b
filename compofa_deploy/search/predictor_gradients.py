"""The predicted accuracy and its gradient as functions of the settings of each block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, POSITIONS, ChoiceArray, decode
from compofa_deploy.space.subnet import BLOCKS, MAX_DEPTH

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class PredictorGradients:
    """A predictor at some resolutions, with the number of subnets that it has evaluated.

    Features are zeros and ones, so they are a sum over blocks: the features of one subnet, plus a difference for each
    block's setting. The differences are taken once from the predictor's own encoding.
    """

    def __init__(self, predictor: AccuracyPredictor, resolutions: Sequence[int]) -> None:
        self._predictor = predictor
        self.evaluations = 0
        start = np.zeros((1, BLOCKS), np.int64)
        changed = np.repeat(start, BLOCKS * OPTIONS, axis=0)
        changed[np.arange(len(changed)), np.repeat(POSITIONS, OPTIONS)] = np.tile(np.arange(OPTIONS), BLOCKS)
        for block in range(BLOCKS):
            # The blocks behind one that does not run do not run either.
            behind = slice(block, (block // MAX_DEPTH + 1) * MAX_DEPTH)
            changed[block * OPTIONS + ABSENT, behind] = ABSENT
        running = (changed[:, POSITIONS % MAX_DEPTH < 2] != ABSENT).all(axis=1)
        rows = np.where(running[:, None], changed, start)
        self._shares = self._encode(rows, resolutions[0]) - self._encode(start, resolutions[0])
        for block in range(MAX_DEPTH - 2, BLOCKS, MAX_DEPTH):
            third, fourth = block * OPTIONS + ABSENT, (block + 1) * OPTIONS + ABSENT
            self._shares[third] -= self._shares[fourth]
        self._start = np.concatenate([self._encode(start, resolution) for resolution in resolutions])

    def values(self, choices: ChoiceArray, at: Indices) -> Floats:
        """Return (n,): the predicted top-1 in per cent of each row of choices.

        Args:
            choices: (n, 20): the rows.
            at: (n,): the index of each row's resolution.
        """
        self.evaluations += len(choices)
        return self._predictor.predict(self._features(choices, at))

    def gains(self, choices: ChoiceArray, at: Indices) -> Floats:
        """Return (n, 20, 10): the linear estimate of the gain of each setting of each block, in percentage points.

        The changed row may be no subnet. Each row counts as one evaluation.

        Args:
            choices: (n, 20): the rows.
            at: (n,): the index of each row's resolution.
        """
        self.evaluations += len(choices)
        slopes = self._predictor.gradient(self._features(choices, at))
        gains = (slopes @ self._shares.T).reshape(-1, BLOCKS, OPTIONS)
        gained: Floats = gains - np.take_along_axis(gains, choices[..., None], axis=2)
        return gained

    def _features(self, choices: ChoiceArray, at: Indices) -> NDArray[np.float32]:
        chosen = np.zeros((len(choices), BLOCKS * OPTIONS), np.float32)
        chosen[np.arange(len(choices))[:, None], POSITIONS * OPTIONS + choices] = 1
        features: NDArray[np.float32] = chosen @ self._shares + self._start[at]
        return features

    def _encode(self, choices: ChoiceArray, resolution: int) -> NDArray[np.float32]:
        config = decode(choices)
        return self._predictor.encode(
            config["ks"], config["e"], config["d"], np.full(len(choices), resolution)
        )
