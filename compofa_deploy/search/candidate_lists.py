"""Candidates of spaces that can be listed: every compound subnet, or the subnets of an accuracy CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.export.writers import GRAPH_BYTES_PER_LAYER
from compofa_deploy.search.candidates import ARRAYS, Candidates
from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS, list_layers
from compofa_deploy.space.stage_units import list_units
from latency_tables.errors import MismatchError
from latency_tables.layer import Layer
from latency_tables.table import LatencyTable

BYTES_PER_WEIGHT = 4

Integers = NDArray[np.int64]


def list_candidates(
    architecture: Architecture,
    accuracies: AccuracyTable | PredictedAccuracies,
    tables: Sequence[LatencyTable],
    percentile: int = 50,
    confidence: float = 0.9,
) -> Candidates:
    """Return every compound subnet at every shared resolution on every table.

    Args:
        architecture: The supernet's shape.
        accuracies: The accuracies of all compound subnets.
        tables: The latency tables, one for each device spec.
        percentile: The percentile of the latency.
        confidence: The confidence of the latency's interval.

    Raises:
        MismatchError: A table is of another architecture, or shares no resolution with the accuracies.
    """
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ARRAYS}
    percents = accuracies.accuracy("validation")
    count = len(COMPOUND_DEPTHS)
    for table_index, table in enumerate(tables):
        shared = share_resolutions(architecture, accuracies.resolutions, table)
        scale = table.percentile_ratio(percentile)
        margin = table.margin(confidence) if table.states_error else 0.0
        for resolution in shared:
            columns["depths"].append(np.arange(count))
            columns["resolution"].append(np.full(count, resolution))
            columns["table"].append(np.full(count, table_index))
            columns["accuracy"].append(percents[accuracies.resolutions.index(resolution)])
            columns["latency_ms"].append(predict_compound(architecture, table, resolution) * scale)
            columns["margin"].append(np.full(count, margin))
            for name, values in _static_costs(architecture, resolution, table.spec.runtime).items():
                columns[name].append(values)
    arrays: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Candidates(tuple(tables), **arrays)


def list_from_csv(
    architecture: Architecture,
    accuracies: StatedAccuracies,
    tables: Sequence[LatencyTable],
    percentile: int = 50,
    confidence: float = 0.9,
) -> Candidates:
    """Return the subnets of an accuracy CSV, which may be of any space, on every table.

    Args:
        architecture: The supernet's shape.
        accuracies: The subnets with their accuracies.
        tables: The latency tables, one for each device spec.
        percentile: The percentile of the latency.
        confidence: The confidence of the latency's interval.

    Raises:
        MismatchError: A table is of another architecture, shares no resolution with the accuracies, or lacks a layer.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ARRAYS}
    for table_index, table in enumerate(tables):
        shared = set(share_resolutions(architecture, accuracies.resolutions, table))
        at = {resolution: table.at(resolution) for resolution in shared}
        scale = table.percentile_ratio(percentile)
        margin = table.margin(confidence) if table.states_error else 0.0
        for index, subnet in enumerate(accuracies.subnets):
            if subnet.resolution not in shared:
                continue
            layers = list_layers(architecture, subnet)
            try:
                latency_ms = at[subnet.resolution].predict_ms(layer.key for layer in layers)
            except MismatchError as error:
                raise MismatchError(f"{subnet} in {accuracies.source}: {error}") from None
            values = {
                "depths": index,
                "resolution": subnet.resolution,
                "table": table_index,
                "accuracy": accuracies.top1[index],
                "latency_ms": latency_ms * scale,
                "margin": margin,
                **{n: sum(map(cost, layers)) for n, cost in _cost_functions(table.spec.runtime).items()},
            }
            for name, value in values.items():
                columns[name].append(value)
    return Candidates(
        tuple(tables),
        **{name: np.array(values) for name, values in columns.items()},
        listed=accuracies.subnets,
    )


def share_resolutions(
    architecture: Architecture, resolutions: Sequence[int], table: LatencyTable
) -> list[int]:
    """Return the resolutions in pixels that both a table and the accuracies have.

    Args:
        architecture: The architecture of the accuracies.
        resolutions: The resolutions of the accuracies.
        table: The latency table.

    Raises:
        MismatchError: The table is of another architecture, or there is no shared resolution.
    """
    if table.architecture != architecture.to_dict():
        raise MismatchError(
            f"the table of {table.spec.describe()} is of another architecture than {architecture.name}; "
            f"make one with compofa profile --arch {architecture.name}"
        )
    shared = [r for r in resolutions if r in table.resolutions]
    if not shared:
        raise MismatchError(
            f"the table of {table.spec.describe()} has resolutions {list(table.resolutions)}, the accuracies "
            f"{list(resolutions)}; profile one of those with --resolutions"
        )
    return shared


@lru_cache(maxsize=256)
def _static_costs(architecture: Architecture, resolution: int, runtime: str) -> dict[str, Integers]:
    units = list_units(architecture, resolution)
    costs = _cost_functions(runtime)
    return {name: units.sum_over(cost).astype(np.int64) for name, cost in costs.items()}


def _cost_functions(runtime: str) -> dict[str, Callable[[Layer], int]]:
    """Return the functions that give a layer's MACs, parameters and bytes for a runtime."""
    graph_bytes = GRAPH_BYTES_PER_LAYER.get(runtime, max(GRAPH_BYTES_PER_LAYER.values()))
    return {
        "macs": lambda layer: layer.macs,
        "params": lambda layer: layer.params,
        "size_bytes": lambda layer: BYTES_PER_WEIGHT * layer.params + graph_bytes,
    }
