"""A training that takes a second: a tiny supernet, images whose class is their colour, a teacher and one phase more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.training.recipe import Recipe

ARCHITECTURE = Architecture("tiny", 0.25, 3, 1, (12, 16), elastic_kernel=False)
ELASTIC = Architecture("tiny-elastic", 0.25, 3, 1, (12, 16))
TEACHER: dict[str, Any] = {
    "name": "teacher",
    "subnets": "largest",
    "epochs": 2,
    "batch": 8,
    "lr": 0.05,
    "resolutions": [12],
}
SHRINK: dict[str, Any] = {
    "name": "all",
    "subnets": "compofa",
    "epochs": 2,
    "batch": 6,
    "lr": 0.05,
    "warmup_epochs": 0.5,
    "resolutions": [12, 16],
    "subnets_per_step": 2,
    "largest_share": 0.2,
    "smallest_share": 0.2,
    "sort_channels": True,
    "distillation": 1.0,
}
ALL_KEYS: dict[str, Any] = {
    "ema_decay": 0.9,
    "data": {
        "random_operations": 2,
        "cutout": 0.3,
        "mixup": 0.5,
        "cutmix": 1.0,
        "brightness": 0.2,
        "saturation": 0.2,
    },
}
"""Keys of a recipe that change the images and average the weights."""
IN_PLACE: dict[str, Any] = {
    **SHRINK,
    "name": "in-place",
    "subnets_per_step": 3,
    "always": ["largest", "smallest"],
    "distill_from": "largest",
}
STEPS = 2 * 3 + 2 * 4
CLASSES = ("red", "green", "blue")


def make_recipe(phases: Sequence[dict[str, Any]] | None = None, **changes: Any) -> Recipe:
    data = {"validation_images": 1, "mean": [0.5] * 3, "std": [0.25] * 3, "crop_padding": 1}
    content = {
        "name": "test",
        "architecture": ARCHITECTURE.to_dict(),
        "data": {**data, **changes.pop("data", {})},
        "phases": phases or [TEACHER, SHRINK],
    }
    return Recipe.model_validate({**content, **changes})


def make_images(count: int = 24, side: int = 16) -> LabelledImages:
    rng, labels = np.random.default_rng(0), np.arange(count) % 3
    pixels = rng.integers(0, 120, (count, side, side, 3), dtype=np.uint8)
    pixels[np.arange(count), :, :, labels] += 120
    return LabelledImages(pixels, labels, CLASSES)
