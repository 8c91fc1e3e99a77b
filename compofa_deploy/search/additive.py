"""Costs that add up over layers, as arrays over what each block may be set to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.choice_arrays import (
    ABSENT,
    OPTIONS,
    POSITIONS,
    RUNS_AT_DEPTH,
    SETTINGS,
    Choices,
    Space,
)
from compofa_deploy.space.families import find_family
from compofa_deploy.space.subnet import BLOCKS, MAX_DEPTH, STAGES, Subnet
from latency_tables.layer import Layer

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class AdditiveCosts:
    """A cost of subnets at some resolutions: ``fixed`` (r,) plus ``blocks`` (r, 20, 10) of what each block is set to.

    The widths between blocks are their stages', so what a block costs depends on its own setting alone. A block that
    does not run costs 0; so does, here, a setting that the space does not have.
    """

    resolutions: tuple[int, ...]
    fixed: Floats
    blocks: Floats

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        space: Space,
        resolutions: Sequence[int],
        cost: Callable[[Layer, int], float],
    ) -> AdditiveCosts:
        """The sum over a subnet's layers of ``cost``, which is told a layer and the resolution of the image."""
        fixed = np.zeros(len(resolutions))
        blocks = np.zeros((len(resolutions), BLOCKS, OPTIONS))
        used = np.repeat(space.allowed.any(axis=1), MAX_DEPTH, axis=0)
        for i, resolution in enumerate(resolutions):
            frame, settings = _list_uniform(architecture, resolution)
            fixed[i] = sum(cost(layer, resolution) for layer in frame)
            for block, j in np.argwhere(used).tolist():
                blocks[i, block, j] = cost(settings[j][block], resolution)
        return cls(tuple(resolutions), fixed, blocks)

    def total(self, choices: Choices, at: Indices) -> Floats:
        """(n,): the cost of rows of choices, each at the resolution of an index."""
        total: Floats = self.fixed[at] + self.blocks[at[:, None], POSITIONS, choices].sum(axis=1)
        return total

    def find_cheapest(self, space: Space) -> Choices:
        """(r, 20): the member of the space that costs the least at each resolution, exactly."""
        count = len(self.resolutions)
        blocks = self.blocks.reshape(count, STAGES, 1, MAX_DEPTH, OPTIONS)[..., :ABSENT]
        costs = np.where(space.allowed[:, :, None], blocks, np.inf)
        sums = np.where(RUNS_AT_DEPTH, costs.min(axis=4), 0).sum(axis=3)
        depth = sums.argmin(axis=2)
        settings = np.take_along_axis(costs.argmin(axis=4), depth[:, :, None, None], axis=2)[:, :, 0]
        return np.where(RUNS_AT_DEPTH[depth], settings, ABSENT).reshape(count, BLOCKS)


@lru_cache(maxsize=64)
def _list_uniform(
    architecture: Architecture, resolution: int
) -> tuple[tuple[Layer, ...], tuple[tuple[Layer, ...], ...]]:
    """The layers outside the stages, and for each setting all blocks set to it."""
    settings = []
    for kernel, expand in SETTINGS:
        subnet = Subnet((MAX_DEPTH,) * STAGES, (expand,) * BLOCKS, (kernel,) * BLOCKS, resolution)
        parts = find_family(architecture).list_parts(architecture, subnet)
        settings.append(tuple(layer for stage in parts.stages for layer in stage))
    return (*parts.stem, *parts.head), tuple(settings)
