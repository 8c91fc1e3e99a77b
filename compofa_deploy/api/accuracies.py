"""Accuracies: evaluating them on images, and predicting them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compofa_deploy.accuracy.beside_supernet import find_accuracy_table
from compofa_deploy.accuracy.fit_from_file import fit_from_file
from compofa_deploy.accuracy.ofa_weights import read_ofa_predictor
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.space.named_architectures import find_architecture


def find_accuracies(supernet: str | Path) -> AccuracyTable | None:
    """Finds the accuracy table beside a supernet.

    Args:
        supernet: The supernet's file, or the name of one that ships.

    Returns:
        The table, or ``None`` where there is none.

    Raises:
        FormatError: The file beside the supernet is not an accuracy table.
    """
    return find_accuracy_table(None, supernet)


def fit_predictor(accuracies: Path, architecture: str | None = None, seed: int = 0) -> AccuracyPredictor:
    """Fits an accuracy predictor to subnets that were evaluated.

    Args:
        accuracies: A CSV with the columns ``subnet`` and ``top1``, or an accuracy table.
        architecture: The name of the architecture that the predictor is for; ``None`` for what the file states.
        seed: The seed by which subnets are left out in cross-validation.

    Raises:
        FormatError: The file cannot be read.
        InputError: There are too few subnets, or no architecture has that name.
    """
    return fit_from_file(accuracies, np.random.default_rng(seed), architecture)


def import_predictor(weights: Path, architecture: str | None = None) -> AccuracyPredictor:
    """Reads the weights of OFA's accuracy predictor, a ``.pth`` file. This needs torch.

    Args:
        weights: The file.
        architecture: The name of the architecture that it is for; ``None`` where that is unknown.

    Raises:
        FormatError: The file has other weights.
        InputError: The file does not exist, or no architecture has that name.
    """
    return read_ofa_predictor(weights, find_architecture(architecture).name if architecture else None)
