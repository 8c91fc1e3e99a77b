"""A latency table as a plain sum of layers: what others' formats can hold of its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import (
    BLOCKS,
    DEPTHS,
    EXPANDS,
    FIXED_KERNELS,
    KERNELS,
    MAX_DEPTH,
    STAGES,
    Subnet,
)
from compofa_deploy.tables.coverage import SPACES, list_needed, widest_space
from latency_tables.errors import InputError, MismatchError
from latency_tables.layer import Layer
from latency_tables.table import LatencyTable

Floats = NDArray[np.float64]

LEAST_MS = 1e-9
"""The smallest time of a layer by itself that the fit counts with."""

EXACT = 1e-9
"""The relative error up to which a plain sum counts as exact."""


@dataclass(frozen=True)
class PlainSum:
    """Costs whose plain sum over a network's layers approximates a table's predictions.

    Attributes:
        space: The space whose layers are stated.
        layers: For each resolution in pixels, the layers by their keys.
        costs_ms: For each resolution, the cost in ms of each layer by its key.
        largest_error: The largest relative error of a sum over the networks of the fit. It is 0 but for cache
            contention, which no sum can hold.
    """

    space: str
    layers: Mapping[int, Mapping[str, Layer]]
    costs_ms: Mapping[int, Mapping[str, float]]
    largest_error: float


def make_plain_sum(table: LatencyTable) -> PlainSum:
    """Return the plain sum that is nearest to a table's predictions and to the layers' own times.

    A table predicts an intercept, costs, and cache contention. The costs are corrected by a fit to whole networks, so
    they may be far from the layers' own times where a fit cannot tell layers apart. The plain sum has costs in
    proportion to the layers' own times, changed by as little as possible (least squares of the relative changes) so
    that networks keep their predicted latencies. A table that was never fitted is a plain sum as it is.

    Args:
        table: The latency table.

    Raises:
        MismatchError: The table lacks a layer of the space ``compofa``.
        InputError: The architecture is of a family without such tables, or no plain sum has positive costs.
    """
    architecture = Architecture.from_dict(table.architecture)
    space = _find_space(table, architecture)
    layers = {
        resolution: {
            key: layer
            for key, (layer, _) in list_needed(architecture, resolution, widest_space(architecture)).items()
            if key in list_needed(architecture, resolution, space) or key in table.at(resolution).costs_ms
        }
        for resolution in table.resolutions
    }
    if not (table.networks or table.intercept_ms or table.has_contention):
        costs = {
            resolution: {key: table.at(resolution).layer_cost_ms(key) for key in found}
            for resolution, found in layers.items()
        }
        return PlainSum(space, layers, costs, 0.0)
    needed = {
        resolution: {key: layer for key, (layer, _) in list_needed(architecture, resolution, space).items()}
        for resolution in table.resolutions
    }
    together = (
        [table.resolutions] if not table.costs_at else [(resolution,) for resolution in table.resolutions]
    )
    fitted: dict[int, dict[str, float]] = {}
    largest = 0.0
    for resolutions in together:
        found, error = _fit(table, architecture, space, resolutions)
        fitted |= {resolution: {key: found[key] for key in needed[resolution]} for resolution in resolutions}
        largest = max(largest, error)
    return PlainSum(space, needed, fitted, largest if largest > EXACT else 0.0)


def _find_space(table: LatencyTable, architecture: Architecture) -> str:
    """The widest space whose layers the table has; the narrowest where it lacks some of that too, which is refused."""
    allowed = SPACES[: SPACES.index(widest_space(architecture)) + 1]
    for space in reversed(allowed):
        missing = [
            key
            for resolution in table.resolutions
            for key in list_needed(architecture, resolution, space)
            if key not in table.at(resolution).costs_ms
        ]
        if not missing:
            return space
    table.layer_cost_ms(missing[0])
    raise MismatchError(f"{table.source} has no layer {missing[0]}; profile the architecture")


def _fit(
    table: LatencyTable, architecture: Architecture, space: str, resolutions: tuple[int, ...]
) -> tuple[dict[str, float], float]:
    """Return the costs of all layers at these resolutions, by key, and the largest relative error."""
    plans, latencies = [], []
    for resolution in resolutions:
        at = table.at(resolution)
        for subnet in _list_networks(space, resolution):
            plans.append([layer.key for layer in list_layers(architecture, subnet)])
            latencies.append(at.predict_ms(plans[-1]))
    keys = {key: i for i, key in enumerate(dict.fromkeys(key for plan in plans for key in plan))}
    counts = np.zeros((len(plans), len(keys)))
    for row, plan in enumerate(plans):
        np.add.at(counts[row], [keys[key] for key in plan], 1)
    own = {**table.layers_ms, **table.at(resolutions[0]).layers_ms}
    alone = np.maximum([own[key] for key in keys], LEAST_MS)
    predicted = np.array(latencies)
    if not (predicted > 0).all():
        raise InputError(
            f"{table.source}: predicts a latency of 0 or less, which is no sum of layers; profile again"
        )
    # Each row is divided by its latency, so that relative errors count.
    sums = counts * alone / predicted[:, None]
    scale = 1 / sums.sum(axis=1).mean()
    changes = np.linalg.lstsq(sums, 1 - scale * sums.sum(axis=1), rcond=1e-12)[0]
    costs: Floats = alone * (scale + changes)
    if not (costs > 0).all():
        worst = list(keys)[int(np.argmin(scale + changes))]
        raise InputError(
            f"{table.source}: no plain sum of positive costs gives its predictions (layer {worst} would take "
            f"{costs.min():.3g} ms); profile again with more networks, without --quick"
        )
    error = float(np.abs(counts @ costs / predicted - 1).max())
    return dict(zip(keys, costs.tolist(), strict=True)), error


def _list_networks(space: str, resolution: int) -> list[Subnet]:
    """Networks of the space from whose latencies those of all its members follow, as far as they are sums."""
    if space == "compofa":
        # An orthogonal array of strength 2 for the fit, and the corners, where contention is farthest from a sum.
        array = [(a, b, c, (a + b + c) % 3, (a + 2 * b) % 3) for a, b, c in product(range(3), repeat=3)]
        rows = dict.fromkeys([*array, *product((0, 2), repeat=STAGES)])
        return [Subnet.compound([DEPTHS[level] for level in row], resolution) for row in rows]
    networks = []
    for stage, first, later, depth in product(range(STAGES), product(EXPANDS, KERNELS), (0, 1), DEPTHS):
        depths, expands, kernels = [DEPTHS[0]] * STAGES, [EXPANDS[0]] * BLOCKS, [FIXED_KERNELS[0]] * BLOCKS
        depths[stage] = depth
        start = stage * MAX_DEPTH
        for block in range(start + 1, start + MAX_DEPTH) if later else (start,):
            expands[block], kernels[block] = first
        networks.append(Subnet(tuple(depths), tuple(expands), tuple(kernels), resolution))
    return list(dict.fromkeys(networks))
