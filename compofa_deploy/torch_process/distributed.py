"""The processes that share one evaluation or training, which torchrun starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The number of this process among all of them.

    Attributes:
        rank: The number of this process, from 0.
        world: The number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints, and that writes the common result."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Collect a value of every process, by rank. All processes must call this together."""
        if self.world == 1:
            return [value]
        values: list[T | None] = [None] * self.world
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]


@contextmanager
def join_ranks() -> Iterator[Ranks]:
    """Join the processes that torchrun started. Without torchrun there is one process.

    They exchange counts and no tensors, so the back-end for CPUs suffices on GPUs too.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    mine = not dist.is_initialized()
    if mine:
        dist.init_process_group("gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        if mine:
            dist.destroy_process_group()
