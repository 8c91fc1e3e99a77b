"""Teachers: the largest subnet as it was trained alone, in a supernet's file, for other trainings to begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet, save_supernet
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.trainer import Trainer
from latency_tables.errors import InputError, MismatchError

NAME = "teacher.safetensors"


def save_teacher(trainer: Trainer, class_names: tuple[str, ...]) -> Path:
    """Write the teacher that a trainer's last phase made, in full precision, beside its checkpoint."""
    assert trainer.teacher is not None
    recipe, path = trainer.recipe, trainer.folder / NAME
    arrays = {name: value.cpu().numpy() for name, value in trainer.teacher.state_dict().items()}
    origin = {
        "recipe": recipe.name,
        "phase": recipe.phases[0].name,
        "steps": trainer.steps_done,
        "training_hours": round(trainer.seconds / 3600, 3),
        "seed": recipe.seed,
    }
    preprocess = Preprocess(recipe.data.mean, recipe.data.std)
    architecture = trainer.supernet.architecture
    save_supernet(
        StoredSupernet(architecture, arrays, None, preprocess, class_names, origin, half=False), path
    )
    return path


def load_teacher(path: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The weights of a teacher, or of an imported supernet, for a recipe whose first phase trains the teacher.

    :class:`InputError` where the recipe has no such phase; :class:`MismatchError` where the weights are of another
    architecture.
    """
    if recipe.phases[0].subnets != "largest":
        raise InputError(
            f"recipe {recipe.name} trains no teacher first, so it takes none; leave --teacher out"
        )
    stored, ours = load_supernet(path), recipe.architecture.build()
    # At which resolutions a supernet runs changes no weight.
    if replace(stored.architecture, name="", resolutions=ours.resolutions) != replace(ours, name=""):
        raise MismatchError(
            f"{path}: is of architecture {stored.architecture.name}, and the recipe trains {ours.name}; give a teacher "
            "of the same width, classes, stem stride and kernels"
        )
    return {name: torch.from_numpy(array) for name, array in stored.arrays.items()}
