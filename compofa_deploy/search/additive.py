"""Costs that add up over layers, as arrays over the settings of each block."""

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
    ChoiceArray,
    Space,
)
from compofa_deploy.space.families import find_family
from compofa_deploy.space.subnet import BLOCKS, MAX_DEPTH, STAGES, Subnet
from latency_tables.layer import Layer

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class AdditiveCosts:
    """A cost of subnets that is a sum over their blocks.

    The width between two blocks depends on their stage alone, so a block's cost depends on its own setting alone. The
    cost is 0 for a block that does not run, and for a setting outside the space.

    Attributes:
        resolutions: The r resolutions in pixels.
        fixed: (r,): the cost of the layers outside the stages.
        blocks: (r, 20, 10): the cost of each setting of each block.
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
        """Return the sum of ``cost`` over a subnet's layers.

        Args:
            architecture: The supernet's shape.
            space: The space, whose settings alone get a cost.
            resolutions: The resolutions in pixels.
            cost: The cost of a layer at a resolution.
        """
        fixed = np.zeros(len(resolutions))
        blocks = np.zeros((len(resolutions), BLOCKS, OPTIONS))
        used = np.repeat(space.allowed.any(axis=1), MAX_DEPTH, axis=0)
        for i, resolution in enumerate(resolutions):
            frame, settings = _list_uniform(architecture, resolution)
            fixed[i] = sum(cost(layer, resolution) for layer in frame)
            for block, j in np.argwhere(used).tolist():
                blocks[i, block, j] = cost(settings[j][block], resolution)
        return cls(tuple(resolutions), fixed, blocks)

    def total(self, choices: ChoiceArray, at: Indices) -> Floats:
        """Return (n,): the cost of each row of choices.

        Args:
            choices: (n, 20): the rows.
            at: (n,): the index of each row's resolution.
        """
        total: Floats = self.fixed[at] + self.blocks[at[:, None], POSITIONS, choices].sum(axis=1)
        return total

    def find_cheapest(self, space: Space) -> ChoiceArray:
        """Return (r, 20): the member of the space with the lowest cost at each resolution, exactly."""
        return find_cheapest_rows(self.blocks, space)

    def linearise(self, choices: ChoiceArray, at: Indices) -> tuple[Floats, Floats]:
        """Return the constant (n,) and the settings' costs (n, 20, 10) whose sum is the cost of each row.

        Args:
            choices: (n, 20): the rows.
            at: (n,): the index of each row's resolution.
        """
        return self.fixed[at], self.blocks[at]


def find_cheapest_rows(blocks: Floats, space: Space) -> ChoiceArray:
    """Return (n, 20): for each row of costs the member of the space with the lowest sum, exactly.

    Args:
        blocks: (n, 20, 10): the cost of each setting of each block.
        space: The space.
    """
    count = len(blocks)
    by_stage = blocks.reshape(count, STAGES, 1, MAX_DEPTH, OPTIONS)[..., :ABSENT]
    costs = np.where(space.allowed[:, :, None], by_stage, np.inf)
    sums = np.where(RUNS_AT_DEPTH, costs.min(axis=4), 0).sum(axis=3)
    depth = sums.argmin(axis=2)
    settings = np.take_along_axis(costs.argmin(axis=4), depth[:, :, None, None], axis=2)[:, :, 0]
    return np.where(RUNS_AT_DEPTH[depth], settings, ABSENT).reshape(count, BLOCKS)


@lru_cache(maxsize=64)
def _list_uniform(
    architecture: Architecture, resolution: int
) -> tuple[tuple[Layer, ...], tuple[tuple[Layer, ...], ...]]:
    """Return the layers outside the stages, and for each setting the layers of all blocks with this setting."""
    settings = []
    for kernel, expand in SETTINGS:
        subnet = Subnet((MAX_DEPTH,) * STAGES, (expand,) * BLOCKS, (kernel,) * BLOCKS, resolution)
        parts = find_family(architecture).list_parts(architecture, subnet)
        settings.append(tuple(layer for stage in parts.stages for layer in stage))
    return (*parts.stem, *parts.head), tuple(settings)
