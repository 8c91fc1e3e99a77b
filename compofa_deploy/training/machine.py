"""What a training runs on: its device, its processes, and how many images run at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

import torch

from compofa_deploy.torch_process.distributed import Ranks
from compofa_deploy.training.recipe import Recipe
from latency_tables.errors import InputError
from profilers.machine.environment import count_cores


@dataclass(frozen=True, slots=True)
class Machine:
    """Settings that are not part of a recipe, so that a training may go on on another machine.

    ``images_at_once`` bounds the images that run through a subnet at a time, and so the memory. A larger share of the
    batch runs in parts; their gradients are summed, and each part is normalised by its own statistics. ``workers`` is
    the number of processes that decode images which are not held in memory.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    ranks: Ranks = field(default_factory=Ranks)
    precision: Literal["f32", "bf16"] = "f32"
    images_at_once: int | None = None
    workers: int = 0

    def find_part(self, batch: int) -> slice:
        """Return this process's part of a batch."""
        share = batch // self.ranks.world
        return slice(self.ranks.rank * share, (self.ranks.rank + 1) * share)

    def count_at_once(self, share: int) -> int:
        """Return how many images of a share run at a time."""
        return min(share, self.images_at_once or share)

    def check(self, recipe: Recipe) -> None:
        """Check that the processes can share every batch equally, since gradients are averaged without weights.

        Raises:
            InputError: A batch cannot be shared, or a share has an odd number of images that mixing would pair.
        """
        for phase in recipe.phases:
            if phase.batch % self.ranks.world:
                raise InputError(
                    f"phase {phase.name!r}: a batch of {phase.batch} cannot be shared by {self.ranks.world} processes; "
                    f"start another number of them, or set phases.{phase.name}.batch to a multiple"
                )
            pairs = recipe.data.mixup > 0 or recipe.data.cutmix > 0
            if pairs and self.ranks.world > 1 and (phase.batch // self.ranks.world) % 2:
                raise InputError(
                    f"phase {phase.name!r}: mixup and CutMix need an even number of images in each of "
                    f"{self.ranks.world} processes; set phases.{phase.name}.batch to a multiple of "
                    f"{2 * self.ranks.world}"
                )


def count_workers() -> int:
    """Return how many cores each process on this machine has, less one for training, and at least 1."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, count_cores() // local - 1)
