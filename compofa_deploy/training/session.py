"""Opening a training: a recipe, a folder of images and a folder to write to, made into a trainer."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.training.data import DataSplits, load_splits
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.trainer import Trainer
from latency_tables.errors import InputError


def open_trainer(recipe: Recipe, data: Path, folder: Path) -> tuple[Trainer, DataSplits]:
    """A trainer that begins, or goes on from the checkpoint in ``folder``, and the images it was given.

    :class:`InputError` where the images do not fit the architecture or the folder cannot be made.
    """
    architecture = recipe.architecture.build()
    splits = load_splits(data, recipe.data.validation_images, recipe.data.split_seed)
    if len(splits.train.class_names) != architecture.classes:
        raise InputError(
            f"{data}: has {len(splits.train.class_names)} classes and {architecture.name} {architecture.classes}; "
            "choose another recipe"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    return Trainer(recipe, splits.train, folder), splits
