"""The processes that share one evaluation, as torchrun starts them."""

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
    """This process's number and how many there are. Alone, it gathers from itself."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process prints, and writes what all found."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Every process's value, by rank, in each of them. All must ask."""
        if self.world == 1:
            return [value]
        values: list[T | None] = [None] * self.world
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]


@contextmanager
def join_ranks() -> Iterator[Ranks]:
    """The processes that torchrun started; this one alone without it.

    They exchange counts and no tensors, so the CPU's back-end does wherever they compute.
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
