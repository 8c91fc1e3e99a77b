"""The duration of a recipe's steps on this machine, from a few steps of each phase that are thrown away."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from compofa_deploy.data.labelled import Images
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Phase, Recipe
from compofa_deploy.training.schedule import Schedule
from compofa_deploy.training.trainer import Trainer

STEPS = (3, 11)
"""The steps of two runs. The difference of their durations leaves out the time that a run takes to begin."""


def measure_steps(recipe: Recipe, images: Images, machine: Machine | None = None) -> list[float]:
    """Measure how long a step of each phase takes.

    Args:
        recipe: The recipe.
        images: The training images.
        machine: What the training runs on; by default the CPU.

    Returns:
        Seconds a step, for each phase.

    Raises:
        InputError: The recipe cannot be trained on these images.
    """
    fewer, more = STEPS
    seconds = []
    for phase in recipe.phases:
        short, long = (_run(recipe, phase, steps, images, machine) for steps in STEPS)
        seconds.append(max(long - short, 0.0) / (more - fewer))
    return seconds


def count_steps(recipe: Recipe, images: int) -> list[int]:
    """Return how many steps each phase has, for a number of training images."""
    schedule = Schedule(recipe, images)
    return [schedule.count_steps(phase) for phase in recipe.phases]


def _run(recipe: Recipe, phase: Phase, steps: int, images: Images, machine: Machine | None) -> float:
    """Return the seconds of some steps of a phase alone, after one step of its teacher where it has one."""
    phases = [_shorten(phase, steps, recipe, images)]
    if phase.has_teacher:
        teacher = next(before for before in recipe.phases if before.subnets == "largest")
        phases.insert(0, _shorten(teacher, 1, recipe, images))
    shortened = recipe.model_copy(update={"phases": tuple(phases)})
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(shortened, images, Path(folder), machine)
        trainer.run(checkpoint_minutes=math.inf)
        return trainer.seconds


def _shorten(phase: Phase, steps: int, recipe: Recipe, images: Images) -> Phase:
    epochs = steps / Schedule(recipe, len(images)).count_epoch(phase)
    changes: dict[str, Any] = {"epochs": epochs, "warmup_epochs": 0}
    if phase.distill_from == "file":
        # Logits from a file cost next to nothing in a step, and need not exist for its timing.
        changes |= {"distillation": 0.0, "distill_from": "teacher"}
    return phase.model_copy(update=changes)
