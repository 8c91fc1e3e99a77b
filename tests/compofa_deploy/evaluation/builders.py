"""Images to evaluate and calibrate on."""

from __future__ import annotations

import numpy as np

from compofa_deploy.data.labelled import LabelledImages
from tests.support.supernets import TINY


def draw_images(count: int, seed: int = 0) -> LabelledImages:
    """Random pixels, with labels that are as good as any."""
    rng = np.random.default_rng(seed)
    return LabelledImages(
        rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8),
        rng.integers(0, TINY.classes, count),
        tuple(f"class{i}" for i in range(TINY.classes)),
    )
