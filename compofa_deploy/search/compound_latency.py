"""The predicted latency of every compound subnet."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import Units, list_units
from latency_tables.table import LatencyTable

Floats = NDArray[np.float64]


def predict_compound(architecture: Architecture, table: LatencyTable, resolution: int) -> Floats:
    """Return (243,): the predicted median latency in ms of every compound subnet.

    Args:
        architecture: The supernet's shape.
        table: The latency table.
        resolution: The resolution in pixels.
    """
    fixed, stages = _keys(architecture, resolution)
    table = table.at(resolution)

    def total(value: Callable[[str], float]) -> Floats:
        return Units.sum_costs(
            [value(key) for key in fixed],
            [[[value(key) for key in unit] for unit in stage] for stage in stages],
        )

    costs = total(table.layer_cost_ms)
    if not table.has_contention:
        return table.predict_from_sums(costs, np.zeros_like(costs), np.zeros_like(costs))
    return table.predict_from_sums(costs, total(table.layers_ms.__getitem__), total(table.weight_bytes))


@lru_cache(maxsize=256)
def _keys(
    architecture: Architecture, resolution: int
) -> tuple[tuple[str, ...], tuple[tuple[tuple[str, ...], ...], ...]]:
    units = list_units(architecture, resolution)
    return (
        tuple(layer.key for layer in (*units.stem, *units.head)),
        tuple(tuple(tuple(layer.key for layer in unit) for unit in stage) for stage in units.stages),
    )
