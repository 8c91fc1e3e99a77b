"""The tree of stage prefixes, divided into parts that are counted independently.

A shard is a subtree: all subnets with the same choices in the first stages. Neighbouring shards share most of their
prefix. So each process is given a run of neighbours, and repeats only the units above its first shard.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.statistics import Prefix
from compofa_deploy.torch_process.distributed import Ranks

SHARD_STAGES = 3
"""The number of stages whose choices name a shard. With one more there would be three times as many parts."""

SHARDS = tuple(product(range(len(DEPTHS)), repeat=SHARD_STAGES))
"""The common prefix of each shard's subnets, in the order in which the tree is walked."""

LEAVES = len(DEPTHS) ** (STAGES - SHARD_STAGES)
"""The number of subnets of a shard."""


@dataclass(frozen=True, slots=True)
class Part:
    """A shard on the images ``start`` to ``stop`` of a split, at a resolution."""

    resolution: int
    split: str
    start: int
    stop: int
    shard: Prefix

    @property
    def name(self) -> str:
        """The name of this part in a journal."""
        return f"{self.resolution}/{self.split}/{''.join(map(str, self.shard))}/{self.start}-{self.stop}"


def locate_leaves(shard: Prefix) -> slice:
    """The indices of a shard's subnets in ``COMPOUND_DEPTHS``."""
    first = SHARDS.index(shard) * LEAVES
    return slice(first, first + LEAVES)


def want(shards: Iterable[Prefix]) -> Callable[[Prefix], bool]:
    """The ``wanted`` of :func:`compofa_deploy.evaluation.tree.walk` that restricts a walk to some shards."""
    on_the_way = {shard[:stages] for shard in shards for stages in range(1, SHARD_STAGES + 1)}
    return lambda prefix: prefix[:SHARD_STAGES] in on_the_way


def count_units(shards: Collection[Prefix]) -> int:
    """The number of units that a walk of these shards runs."""
    above = {shard[:stages] for shard in shards for stages in range(SHARD_STAGES)}
    below = sum(int(len(DEPTHS) ** stages) for stages in range(STAGES - SHARD_STAGES + 1))
    return len(above) + len(shards) * below


def list_parts(resolution: int, sizes: Mapping[str, int], group: int) -> list[Part]:
    """List every part of an evaluation at one resolution, in the order in which the tree is walked.

    Args:
        resolution: In pixels.
        sizes: The number of images of each split.
        group: The largest number of images that are walked at once.

    >>> [part.name for part in list_parts(24, {"test": 10}, 4)][::27]
    ['24/test/000/0-4', '24/test/000/4-8', '24/test/000/8-10']
    """
    return [
        Part(resolution, split, start, min(start + group, images), shard)
        for split, images in sizes.items()
        for start in range(0, images, group)
        for shard in SHARDS
    ]


def weigh(architecture: Architecture, part: Part) -> float:
    """The multiply-accumulates of the units that no other part runs."""
    units = list_units(architecture, part.resolution)
    below = 0
    for stage in range(SHARD_STAGES - 1, STAGES):
        chosen = [part.shard[-1]] if stage == SHARD_STAGES - 1 else range(len(DEPTHS))
        repeated = int(len(DEPTHS) ** max(0, stage - SHARD_STAGES))
        below += repeated * sum(layer.macs for choice in chosen for layer in units.stages[stage][choice])
    below += LEAVES * sum(layer.macs for layer in units.head)
    return float((part.stop - part.start) * below)


def take_share(parts: Sequence[Part], weights: Sequence[float], ranks: Ranks) -> list[Part]:
    """Choose the run of neighbouring parts that this process counts.

    The processes' shares have about the same weight, and together hold every part once.

    Args:
        parts: All parts, in the order in which the tree is walked.
        weights: The work of each part, in any unit.
        ranks: The number of this process, and how many there are.
    """
    if not parts:
        return []
    done = np.cumsum(weights)
    middle = (done - np.asarray(weights) / 2) / done[-1]
    owner = np.minimum((middle * ranks.world).astype(int), ranks.world - 1)
    return [part for part, rank in zip(parts, owner, strict=True) if rank == ranks.rank]
