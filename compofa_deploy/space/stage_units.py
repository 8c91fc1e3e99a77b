"""Units: the parts of which the 243 compound subnets are made.

A subnet is its stem, one of three choices for each stage, and its head. Quantities that add up over layers (MACs,
parameters, latency) follow for all 243 subnets from 16 sums a resolution. Quantities that pass through layers
(activations, batch-norm statistics) need one run for each prefix of stages: 3 + 9 + 27 + 81 + 243 = 363 instead of
5 x 243.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import DEPTHS, STAGES, Subnet
from latency_tables.layer import Layer

CHOICE_OF_SUBNET: NDArray[np.intp] = np.array(
    [[DEPTHS.index(d) for d in depths] for depths in COMPOUND_DEPTHS]
)
"""(243, 5): the index of the choice of each subnet in each stage, in the order of ``COMPOUND_DEPTHS``."""


@dataclass(frozen=True, slots=True)
class Units:
    """The layers of each unit at one resolution; ``stages[stage][choice]``."""

    stem: tuple[Layer, ...]
    stages: tuple[tuple[tuple[Layer, ...], ...], ...]
    head: tuple[Layer, ...]

    def sum_over(self, cost: Callable[[Layer], float]) -> NDArray[np.float64]:
        """Return (243,): the sum of ``cost`` over the layers of every compound subnet."""
        return self.sum_costs(
            [cost(layer) for layer in (*self.stem, *self.head)],
            [[[cost(layer) for layer in unit] for unit in stage] for stage in self.stages],
        )

    @staticmethod
    def sum_costs(fixed: list[float], stages: list[list[list[float]]]) -> NDArray[np.float64]:
        """Return (243,): the sum of costs over every compound subnet.

        Args:
            fixed: The costs of the layers that every subnet has.
            stages: For each stage and choice, the costs of its layers.
        """
        table = np.array([[sum(unit) for unit in stage] for stage in stages])
        total: NDArray[np.float64] = sum(fixed) + table[np.arange(STAGES), CHOICE_OF_SUBNET].sum(axis=1)
        return total


@lru_cache(maxsize=256)
def list_units(architecture: Architecture, resolution: int) -> Units:
    """Return the units of an architecture's fixed-kernel compound subnets. Layers behind the stages are in the head.

    Args:
        architecture: The supernet's shape.
        resolution: The side of the input in pixels.
    """
    family = find_family(architecture)
    parts = [
        family.list_parts(architecture, Subnet.compound((d,) * STAGES, resolution, family.CHOICES))
        for d in DEPTHS
    ]
    stages = tuple(tuple(part.stages[stage] for part in parts) for stage in range(STAGES))
    return Units(parts[0].stem, stages, parts[0].head)
