"""A trained supernet made ready to be stored: rounded to half precision, calibrated, and with its origin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from compofa_deploy.data.decode import decode
from compofa_deploy.data.labelled import Images
from compofa_deploy.evaluation.calibrate import calibrate
from compofa_deploy.evaluation.tree import PREFIXES
from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.supernet.statistics import STATISTICS
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.training.trainer import Trainer


def finish(
    trainer: Trainer,
    images: Images,
    data_name: str,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> StoredSupernet:
    """Round the weights as they will be stored, then calibrate batch norm of all compound subnets with them.

    With several processes, each calibrates a part of the subnets, and all return the same supernet.

    Args:
        trainer: A trainer that has reached its end.
        images: The training images, from which the calibration draws.
        data_name: The data set's name, for the supernet's origin.
        on_progress: Called with what is calibrated, how many units are done, and how many there are.

    Returns:
        The supernet with weights in half precision, statistics and origin.
    """
    recipe = trainer.recipe
    supernet = Supernet(trainer.supernet.architecture, dropout=0)
    supernet.load_state_dict({name: value.cpu() for name, value in trainer.supernet.state_dict().items()})
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.copy_(parameter.half().float())
    preprocess = Preprocess(recipe.data.mean, recipe.data.std)
    rng = np.random.default_rng(recipe.seed)
    resolutions = supernet.architecture.resolutions
    chosen = decode(images.sample(recipe.calibration_images, rng))
    done: dict[int, int] = {}

    def count(resolution: int, prefix: tuple[int, ...]) -> None:
        done[resolution] = done.get(resolution, 0) + 1
        on_progress(f"{resolution} px", done[resolution], PREFIXES)

    machine = trainer.machine
    supernet.to(machine.device)
    statistics = calibrate(supernet, chosen, preprocess, resolutions, count, machine.ranks)
    arrays = {
        name: value.detach().cpu().numpy().copy()
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
        "training_images": len(images),
        "unreadable_images": len(trainer.unreadable),
        "steps": trainer.steps_done,
        "training_hours": round(trainer.seconds / 3600, 3),
        "seed": recipe.seed,
    }
    return StoredSupernet(supernet.architecture, arrays, statistics, preprocess, images.class_names, origin)
