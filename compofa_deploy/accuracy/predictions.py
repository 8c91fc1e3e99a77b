"""Accuracies of every compound subnet that a predictor gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import enumerate_compound
from latency_tables.errors import MismatchError

FAMILY = "mbv3"
"""The only family that the encoding has places for."""


@dataclass(frozen=True)
class PredictedAccuracies:
    """A predictor, used for an architecture.

    Attributes:
        predictor: The accuracy predictor.
        architecture: The architecture whose subnets it predicts.
        source: The name of the predictor in messages.

    Raises:
        MismatchError: The predictor was made for another architecture, family or range of resolutions.
    """

    predictor: AccuracyPredictor
    architecture: Architecture
    source: str

    def __post_init__(self) -> None:
        made_for = self.predictor.architecture
        if made_for is not None and made_for != self.architecture.name:
            raise MismatchError(
                f"{self.source} predicts accuracies of {made_for}, not of {self.architecture.name}; fit one with "
                "compofa accuracy fit, or name a table of that architecture"
            )
        if self.architecture.family != FAMILY:
            raise MismatchError(
                f"{self.architecture.name} is of the family {self.architecture.family}; accuracy predictors are for "
                f"{FAMILY}: name a CSV of accuracies with --accuracy"
            )
        if not self.resolutions:
            places = self.predictor.encoding
            raise MismatchError(
                f"{self.source} predicts from {places.first} to {places.last} px, and {self.architecture.name} has "
                "none of these resolutions; fit one with compofa accuracy fit"
            )

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the architecture that the predictor has places for."""
        places = self.predictor.encoding
        return tuple(r for r in self.architecture.resolutions if places.first <= r <= places.last)

    def accuracy(self, split: str = "validation") -> NDArray[np.float64]:
        """Predicted top-1 (resolutions, 243) in per cent. It does not depend on the split."""
        return np.stack([self.predictor.predict_subnets(enumerate_compound(r)) for r in self.resolutions])

    def describe(self) -> str:
        """A few words on the source of the accuracies and their error."""
        error = self.predictor.error
        if error is None:
            return f"predicted by {self.source}, of unknown error"
        return (
            f"predicted by {self.source}, off by {error.mae:.2f} points on average on subnets left out (at most "
            f"{error.worst:.2f}, rank correlation {error.rank_correlation:.3f}, {error.n} subnets)"
        )
