"""Classifying images with a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.bundle.bundle import Bundle
from compofa_deploy.bundle.verify import run_model
from compofa_deploy.files.images import Preprocess, open_image
from latency_tables.device import DeviceRequest
from profilers.runtimes.registry import find_spec


@dataclass(frozen=True, slots=True)
class Classified:
    """An image's likeliest labels with their probabilities, likeliest first."""

    path: str
    labels: tuple[tuple[str, float], ...]


def classify(bundle: Bundle, paths: Sequence[Path], top: int = 3) -> list[Classified]:
    """Classify image files of any size. :class:`InputError` names the first that cannot be read."""
    deployment = bundle.deployment
    preprocess = Preprocess(deployment.preprocess.mean, deployment.preprocess.std)
    side = deployment.input.shape[-1]
    images = preprocess.load((open_image(path, str(path)) for path in paths), side)
    spec, weights = find_spec(DeviceRequest.of(bundle.spec)), bundle.read_weights()
    logits = run_model(deployment, bundle.read_model(), images, spec, weights).astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    classified = []
    for path, row in zip(paths, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        classified.append(Classified(str(path), tuple((deployment.labels[i], float(row[i])) for i in best)))
    return classified
