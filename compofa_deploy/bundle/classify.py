"""Classifying images with a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.bundle.bundle import Bundle
from compofa_deploy.files.images import Preprocess, open_image
from latency_tables.device import DeviceRequest
from profilers.targets.device import Device


@dataclass(frozen=True, slots=True)
class Classified:
    """An image with its most probable labels and their probabilities, the most probable first."""

    path: str
    labels: tuple[tuple[str, float], ...]


def classify(bundle: Bundle, paths: Sequence[Path], device: Device, top: int = 3) -> list[Classified]:
    """Classify image files of any size.

    Args:
        bundle: The bundle whose model classifies them.
        paths: The image files.
        device: The device that runs the model.
        top: How many labels each answer has.

    Returns:
        The answers, in the order of the paths.

    Raises:
        InputError: An image cannot be read; the message names the first such file.
    """
    deployment = bundle.deployment
    preprocess = Preprocess(deployment.preprocess.mean, deployment.preprocess.std)
    side = deployment.input.shape[-1]
    images = preprocess.load((open_image(path, str(path)) for path in paths), side)
    spec = device.find_spec(DeviceRequest.of(bundle.spec))
    logits = device.run_model(bundle.read_files(), spec, images).astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    classified = []
    for path, row in zip(paths, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        classified.append(Classified(str(path), tuple((deployment.labels[i], float(row[i])) for i in best)))
    return classified
