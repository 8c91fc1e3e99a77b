"""Units: the parts that the 243 compound subnets are put together from.

A subnet is its stem, one of three choices for each stage, and its head. So whatever adds up over layers (MACs,
parameters, latency) is known for all 243 from 16 sums a resolution, and whatever runs through layers (activations,
batch-norm statistics) from one run for each prefix of stages: 3 + 9 + 27 + 81 + 243 = 363 and not 5 x 243.
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
"""(243, 5): which of its three choices each subnet takes in each stage, in the order of ``COMPOUND_DEPTHS``."""


@dataclass(frozen=True, slots=True)
class Units:
    """The layers of each unit at one resolution; ``stages[stage][choice]``."""

    stem: tuple[Layer, ...]
    stages: tuple[tuple[tuple[Layer, ...], ...], ...]
    head: tuple[Layer, ...]

    def sum_over(self, cost: Callable[[Layer], float]) -> NDArray[np.float64]:
        """(243,): the sum of ``cost`` over the layers of every compound subnet."""
        return self.sum_costs(
            [cost(layer) for layer in (*self.stem, *self.head)],
            [[[cost(layer) for layer in unit] for unit in stage] for stage in self.stages],
        )

    @staticmethod
    def sum_costs(fixed: list[float], stages: list[list[list[float]]]) -> NDArray[np.float64]:
        """(243,): the same, from the costs of the fixed layers and of every stage's choices."""
        table = np.array([[sum(unit) for unit in stage] for stage in stages])
        total: NDArray[np.float64] = sum(fixed) + table[np.arange(STAGES), CHOICE_OF_SUBNET].sum(axis=1)
        return total


@lru_cache(maxsize=256)
def list_units(architecture: Architecture, resolution: int) -> Units:
    """The units of an architecture's fixed-kernel compound subnets. What is no choice of theirs is in the head."""
    family = find_family(architecture)
    parts = [
        family.list_parts(architecture, Subnet.compound((d,) * STAGES, resolution, family.FORM))
        for d in DEPTHS
    ]
    stages = tuple(tuple(part.stages[stage] for part in parts) for stage in range(STAGES))
    return Units(parts[0].stem, stages, parts[0].head)
