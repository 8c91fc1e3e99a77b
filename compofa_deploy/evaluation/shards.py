"""The tree of stage prefixes in parts that are done on their own: what is left, and which process does which.

A shard is a subtree, below a choice for each of the first stages. In the order in which the tree is walked, neighbours
share most of their prefix: so each process is given a run of neighbours, and computes again what is above its first
shard alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.statistics import Choices
from compofa_deploy.torch_process.distributed import Ranks

SHARD_STAGES = 3
"""How many stages' choices name a shard. One more, and three times as many parts are kept, of a third of the work."""

SHARDS = tuple(product(range(len(DEPTHS)), repeat=SHARD_STAGES))
"""In the order in which the tree is walked, each the prefix that its subnets have in common."""

LEAVES = len(DEPTHS) ** (STAGES - SHARD_STAGES)
"""How many subnets a shard has."""


@dataclass(frozen=True, slots=True)
class Part:
    """A shard on the images ``start`` to ``stop`` of a split, at a resolution."""

    resolution: int
    split: str
    start: int
    stop: int
    shard: Choices


def locate_leaves(shard: Choices) -> slice:
    """Where a shard's subnets are in the order of ``COMPOUND_DEPTHS``."""
    first = SHARDS.index(shard) * LEAVES
    return slice(first, first + LEAVES)


def want(shards: Iterable[Choices]) -> Callable[[Choices], bool]:
    """What :func:`compofa_deploy.evaluation.tree.walk` has to walk for some shards alone."""
    on_the_way = {shard[:stages] for shard in shards for stages in range(1, SHARD_STAGES + 1)}
    return lambda prefix: prefix[:SHARD_STAGES] in on_the_way


def count_units(shards: Collection[Choices]) -> int:
    """How many units a walk of these shards runs."""
    above = {shard[:stages] for shard in shards for stages in range(SHARD_STAGES)}
    below = sum(int(len(DEPTHS) ** stages) for stages in range(STAGES - SHARD_STAGES + 1))
    return len(above) + len(shards) * below


def list_cuts(images: int, group: int, known: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of at most ``group`` images, in order, none of which is only in part one of those that are ``known``.

    >>> list_cuts(10, 4, [(0, 3)])
    [(0, 3), (3, 4), (4, 8), (8, 10)]
    """
    ends = {*range(0, images, group), images, *(end for both in known for end in both)}
    return list(pairwise(sorted(ends)))


def weigh(architecture: Architecture, part: Part) -> float:
    """Multiply-accumulates of the units that a part alone runs."""
    units = list_units(architecture, part.resolution)
    below = 0
    for stage in range(SHARD_STAGES - 1, STAGES):
        chosen = [part.shard[-1]] if stage == SHARD_STAGES - 1 else range(len(DEPTHS))
        repeated = int(len(DEPTHS) ** max(0, stage - SHARD_STAGES))
        below += repeated * sum(layer.macs for choice in chosen for layer in units.stages[stage][choice])
    below += LEAVES * sum(layer.macs for layer in units.head)
    return float((part.stop - part.start) * below)


def take_share(parts: Sequence[Part], weights: Sequence[float], ranks: Ranks) -> list[Part]:
    """The run of neighbours that is this process's: with those of all others, every part once, and about equal."""
    if not parts:
        return []
    done = np.cumsum(weights)
    middle = (done - np.asarray(weights) / 2) / done[-1]
    owner = np.minimum((middle * ranks.world).astype(int), ranks.world - 1)
    return [part for part, rank in zip(parts, owner, strict=True) if rank == ranks.rank]
