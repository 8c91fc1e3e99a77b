"""Building a trainer from a recipe, a folder of images and a folder to write to."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.encoded import SkippedImage
from compofa_deploy.data.splits import Splits, open_splits
from compofa_deploy.training.checkpoint import NAME
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.teacher import load_teacher
from compofa_deploy.training.teacher_logits import TeacherLogits
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
    teacher_logits: Path | None = None,
) -> tuple[Trainer, Splits]:
    """Open a training that begins, or goes on from the checkpoint in its folder.

    Args:
        recipe: The recipe.
        data: The folder of the images.
        folder: Where checkpoints and logs are written; it is made where it does not exist.
        machine: What the training runs on; by default the CPU.
        on_skip: Called for each image that cannot be read.
        teacher: A supernet's file that replaces the first phase.
        tensorboard: Whether to write TensorBoard's files as well.
        teacher_logits: The file of a teacher's logits, where a phase learns from one.

    Returns:
        The trainer and the splits of the images.

    Raises:
        InputError: The images do not fit the architecture, or the folder cannot be made.
        MismatchError: The checkpoint or the teacher belongs to another training.
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
            f"{data}: has {classes} classes, and {architecture.name} has {architecture.classes}; choose another "
            f"recipe, or give --set architecture.classes={classes} --set architecture.name=NAME"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    weights = None
    if teacher is not None and not (folder / NAME).exists():
        weights = load_teacher(teacher, recipe)
    logits = None if teacher_logits is None else TeacherLogits.load(teacher_logits)
    trainer = Trainer(recipe, splits.train, folder, machine, on_skip, tensorboard, logits)
    trainer.unreadable |= unreadable
    if weights is not None:
        trainer.start_from(weights)
    return trainer, splits
