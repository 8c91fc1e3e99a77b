"""How long a recipe's steps take here: a few of each phase are run and thrown away."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from compofa_deploy.data.labelled import Images
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Phase, Recipe
from compofa_deploy.training.schedule import Schedule
from compofa_deploy.training.trainer import Trainer

STEPS = (3, 11)
"""Two runs' steps: the time a step is by how much the longer takes more, so that what comes first once is not in it."""


def measure_steps(recipe: Recipe, images: Images, machine: Machine | None = None) -> list[float]:
    """Seconds that a step of each phase takes on a machine. Errors as of
    :class:`compofa_deploy.training.trainer.Trainer`."""
    fewer, more = STEPS
    seconds = []
    for phase in recipe.phases:
        short, long = (_run(recipe, phase, steps, images, machine) for steps in STEPS)
        seconds.append(max(long - short, 0.0) / (more - fewer))
    return seconds


def count_steps(recipe: Recipe, images: int) -> list[int]:
    """How many steps each phase has on so many images."""
    schedule = Schedule(recipe, images)
    return [schedule.count_steps(phase) for phase in recipe.phases]


def _run(recipe: Recipe, phase: Phase, steps: int, images: Images, machine: Machine | None) -> float:
    """Seconds of so many steps of a phase alone, behind one step of a teacher where it has one."""
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
    return phase.model_copy(update={"epochs": epochs, "warmup_epochs": 0})
