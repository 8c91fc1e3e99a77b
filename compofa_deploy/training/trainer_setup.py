"""Opening a training: a recipe, a folder of images and a folder to write to, made into a trainer."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.encoded import SkippedImage
from compofa_deploy.data.splits import Splits, open_splits
from compofa_deploy.training.checkpoint import NAME
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.teacher import load_teacher
from compofa_deploy.training.trainer import Trainer
from latency_tables.errors import InputError


def open_trainer(
    recipe: Recipe,
    data: Path,
    folder: Path,
    machine: Machine | None = None,
    on_skip: OnSkip = lambda skipped: None,
    teacher: Path | None = None,
    tensorboard: bool = False,
) -> tuple[Trainer, Splits]:
    """A trainer that begins, or goes on from the checkpoint in ``folder``, and the images it was given.

    A ``teacher`` that was trained before stands for the first phase. ``on_skip`` is told each image that cannot be
    read. :class:`InputError` where the images do not fit the architecture or the folder cannot be made.
    """
    architecture, settings = recipe.architecture.build(), recipe.data
    unreadable: set[str] = set()

    def count(skipped: SkippedImage) -> None:
        unreadable.add(skipped.name)
        on_skip(skipped)

    splits = open_splits(
        data, settings.validation_images, settings.split_seed, settings.training_images, count
    )
    classes = len(splits.train.class_names)
    if classes != architecture.classes:
        raise InputError(
            f"{data}: has {classes} classes and {architecture.name} {architecture.classes}; choose another recipe, or "
            f"give --set architecture.classes={classes} --set architecture.name=NAME"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    weights = None
    if teacher is not None and not (folder / NAME).exists():
        weights = load_teacher(teacher, recipe)
    trainer = Trainer(recipe, splits.train, folder, machine, on_skip, tensorboard)
    trainer.unreadable |= unreadable
    if weights is not None:
        trainer.start_from(weights)
    return trainer, splits
