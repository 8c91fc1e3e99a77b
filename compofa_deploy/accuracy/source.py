"""Where a search takes accuracies from: a file of any of the kinds that there are."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.accuracy.csv_table import StatedAccuracies, read_stated
from compofa_deploy.accuracy.ofa_weights import read_ofa_predictor
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.predictor import SUFFIX, AccuracyPredictor
from compofa_deploy.space.architecture import Architecture
from latency_tables.errors import InputError

Accuracies: TypeAlias = AccuraciesByPrecision | StatedAccuracies | PredictedAccuracies
"""All kinds of accuracies that can be searched."""

TORCH_SUFFIXES = (".pth", ".pt")
STATED_SUFFIX = ".csv"
FOREIGN_SUFFIXES = (STATED_SUFFIX, SUFFIX, *TORCH_SUFFIXES)
"""Of what no supernet comes with, unlike ``compofa evaluate``'s tables."""


def is_foreign(path: Path | None) -> bool:
    """Whether a file of accuracies is of no supernet of ours: a CSV, or a predictor."""
    return path is not None and path.suffix.lower() in FOREIGN_SUFFIXES


def load_predictor(path: Path) -> AccuracyPredictor:
    """A predictor that was saved here, or OFA's weights as torch saved them."""
    if path.suffix.lower() in TORCH_SUFFIXES:
        return read_ofa_predictor(path)
    if path.suffix.lower() != SUFFIX:
        raise InputError(
            f"{path}: is no accuracy predictor; these are {', '.join((SUFFIX, *TORCH_SUFFIXES))} files"
        )
    return AccuracyPredictor.load(path)


def load_foreign(path: Path, architecture: Architecture) -> StatedAccuracies | PredictedAccuracies:
    """Accuracies for an architecture from a CSV, or from a predictor."""
    if path.suffix.lower() == STATED_SUFFIX:
        return read_stated(path)
    return PredictedAccuracies(load_predictor(path), architecture, str(path))
