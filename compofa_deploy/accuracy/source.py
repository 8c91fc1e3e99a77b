"""The file that a search takes accuracies from, which may be of several kinds."""

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
"""The endings of files that belong to no supernet, unlike the tables of ``compofa evaluate``."""


def is_foreign(path: Path | None) -> bool:
    """Whether a file of accuracies belongs to no supernet: a CSV, or a predictor."""
    return path is not None and path.suffix.lower() in FOREIGN_SUFFIXES


def load_predictor(path: Path) -> AccuracyPredictor:
    """Load a predictor that was saved here, or the weights of OFA's predictor as torch saved them."""
    if path.suffix.lower() in TORCH_SUFFIXES:
        return read_ofa_predictor(path)
    if path.suffix.lower() != SUFFIX:
        raise InputError(
            f"{path}: is not an accuracy predictor; these are {', '.join((SUFFIX, *TORCH_SUFFIXES))} files"
        )
    return AccuracyPredictor.load(path)


def load_foreign(path: Path, architecture: Architecture) -> StatedAccuracies | PredictedAccuracies:
    """Load the accuracies of an architecture's subnets.

    Args:
        path: A CSV, or a predictor.
        architecture: The architecture that a predictor is used for.

    Raises:
        FormatError: The file is neither.
        MismatchError: The predictor is for another architecture.
    """
    if path.suffix.lower() == STATED_SUFFIX:
        return read_stated(path)
    return PredictedAccuracies(load_predictor(path), architecture, str(path))
