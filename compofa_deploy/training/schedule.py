"""The schedule of a training: its steps, its learning rates, and the work of each phase. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.training.recipe import Phase, Recipe
from compofa_deploy.training.subnet_sampling import step_macs, teacher_macs

PASSES = 3
"""The cost of a forward and a backward pass, in forward passes: the backward pass costs about two."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of a recipe over a number of training images."""

    recipe: Recipe
    images: int

    def count_epoch(self, phase: Phase) -> int:
        """Return the steps of an epoch, which leaves out images that do not fill a batch."""
        return self.images // phase.batch

    def count_steps(self, phase: Phase) -> int:
        """Return the steps of a phase."""
        return max(1, round(phase.epochs * self.count_epoch(phase)))

    def count_before(self, phase_index: int) -> int:
        """Return the steps of all phases before one."""
        return sum(map(self.count_steps, self.recipe.phases[:phase_index]))

    @property
    def total_steps(self) -> int:
        """The steps of all phases."""
        return self.count_before(len(self.recipe.phases))

    def find_lr(self, phase: Phase, step: int) -> float:
        """Return the learning rate of a step of a phase: a linear warm-up, then a cosine."""
        scale, warmup = self.recipe.scale_lr(phase), phase.warmup_epochs * self.count_epoch(phase)
        if step < warmup:
            return scale * (phase.warmup_lr + (phase.lr - phase.warmup_lr) * (step + 1) / (warmup + 1))
        progress = (step - warmup) / max(1, self.count_steps(phase) - warmup)
        return scale * (phase.final_lr + (phase.lr - phase.final_lr) * (1 + math.cos(math.pi * progress)) / 2)


def weigh_step(phase: Phase, architecture: Architecture) -> float:
    """Return the expected multiply-accumulates of a step for each image: forward and backward of its subnets, and
    forward of a teacher that runs on its own."""
    taught = teacher_macs(phase, architecture) if phase.has_teacher else 0.0
    return PASSES * step_macs(phase, architecture) + taught
