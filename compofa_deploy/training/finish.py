"""From a trained supernet to one that can be stored: rounded, calibrated, and with its origin written down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from compofa_deploy.evaluation.calibrate import calibrate
from compofa_deploy.evaluation.tree import PREFIXES
from compofa_deploy.images import Preprocess
from compofa_deploy.supernet.statistics import STATISTICS
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.training.data import DataSplits
from compofa_deploy.training.trainer import Trainer


def finish(
    trainer: Trainer,
    splits: DataSplits,
    data_name: str,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> StoredSupernet:
    """Round the weights to half precision, as they will be stored, then calibrate batch norm of all compound subnets
    with the rounded weights, on training images alone. ``data_name`` is what the images are called."""
    supernet, recipe = trainer.supernet, trainer.recipe
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.copy_(parameter.half().float())
    preprocess = Preprocess(recipe.data.mean, recipe.data.std)
    rng = np.random.default_rng(recipe.seed)
    chosen = splits.train.sample(recipe.calibration_images, rng)
    resolutions = supernet.architecture.resolutions
    done: dict[int, int] = {}

    def count(resolution: int, prefix: tuple[int, ...]) -> None:
        done[resolution] = done.get(resolution, 0) + 1
        on_progress(f"{resolution} px", done[resolution], PREFIXES)

    statistics = calibrate(supernet, chosen, preprocess, resolutions, count)
    arrays = {
        name: value.detach().numpy().copy()
        for name, value in supernet.state_dict().items()
        if not name.endswith(STATISTICS)
    }
    origin = {
        "recipe": recipe.name,
        "data": data_name,
        "data_settings": {
            "validation_images": recipe.data.validation_images,
            "split_seed": recipe.data.split_seed,
        },
        "training_images": len(splits.train),
        "steps": trainer.steps_done,
        "training_hours": round(trainer.seconds / 3600, 3),
        "seed": recipe.seed,
    }
    return StoredSupernet(
        supernet.architecture, arrays, statistics, preprocess, splits.train.class_names, origin
    )
