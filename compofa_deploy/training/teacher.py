"""Teachers: the largest subnet after it was trained alone, kept in a supernet's file for other trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.shapes import list_supernet_shapes
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet, save_supernet
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.trainer import Trainer
from latency_tables.errors import InputError, MismatchError

NAME = "teacher.safetensors"
MATRIX = ".matrix_"
"""The part of a name that tells the matrices by which smaller kernels are cut."""


def save_teacher(trainer: Trainer, class_names: tuple[str, ...]) -> Path:
    """Write the teacher that the trainer's last phase made, in full precision, beside its checkpoint.

    Args:
        trainer: A trainer that has a teacher.
        class_names: The classes' names.

    Returns:
        The file's path.
    """
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
    """Return the weights of a teacher or an imported supernet, for a recipe whose first phase trains the teacher.

    OFA's teacher has kernels of 7 alone: the matrices that cut smaller kernels begin as the identity, as in OFA.

    Args:
        path: The file of the teacher or supernet.
        recipe: The recipe.

    Raises:
        InputError: The recipe trains no teacher first.
        MismatchError: The weights are of another architecture.
    """
    if recipe.phases[0].subnets != "largest":
        raise InputError(
            f"recipe {recipe.name} does not begin with a teacher, so that it cannot be given one; leave --teacher out"
        )
    stored, ours = load_supernet(path), recipe.architecture.build()
    shapes = list_supernet_shapes(ours)
    matrices = {name: np.eye(*shape, dtype=np.float32) for name, shape in shapes.items() if MATRIX in name}
    arrays = {**matrices, **stored.arrays}
    # The resolutions of a supernet change no weight, and neither do the family's choices where the shapes are equal.
    same = replace(
        stored.architecture,
        name="",
        resolutions=ours.resolutions,
        family=ours.family,
        elastic_kernel=ours.elastic_kernel,
    )
    if same != replace(ours, name="") or {name: array.shape for name, array in arrays.items()} != shapes:
        raise MismatchError(
            f"{path}: is of architecture {stored.architecture.name}, and the recipe trains {ours.name}; give a teacher "
            "of the same width, classes, stem stride and kernels"
        )
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
