"""Fitting an accuracy predictor to a file of evaluated subnets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compofa_deploy.accuracy.csv_table import read_stated
from compofa_deploy.accuracy.encoding import Encoding, encode_subnets
from compofa_deploy.accuracy.fit import cross_validate, fit_additive
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.space.named_architectures import find_architecture


def fit_from_file(path: Path, rng: np.random.Generator, architecture: str | None = None) -> AccuracyPredictor:
    """Fits a predictor and states its error by cross-validation.

    Args:
        path: A CSV with the columns ``subnet`` and ``top1``, or an accuracy table of this project.
        rng: Draws the subnets that are left out of each fold.
        architecture: The name of the architecture that the predictor is for, or ``None`` for the one that the file
            states.

    Raises:
        FormatError: The file cannot be read as either kind.
        InputError: There are too few subnets, or no architecture has that name.
    """
    stated = read_stated(path)
    encoding = Encoding.of_resolutions(stated.resolutions)
    features = encode_subnets(stated.subnets, encoding)
    error = cross_validate(features, stated.top1, rng)
    return AccuracyPredictor(
        encoding=encoding,
        model=fit_additive(features, stated.top1),
        scale=1.0,
        architecture=find_architecture(architecture).name if architecture else stated.architecture,
        error=error,
        origin=f"fitted to {path.name}",
    )
