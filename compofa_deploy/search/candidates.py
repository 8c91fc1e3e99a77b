"""Candidates: subnets at resolutions on device specs, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.export.writers import GRAPH_BYTES_PER_LAYER
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS, list_layers
from compofa_deploy.space.stage_units import Units, list_units
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import MismatchError
from latency_tables.layer import Layer
from latency_tables.table import LatencyTable

if TYPE_CHECKING:
    import pandas

BYTES_PER_WEIGHT = 4
SETTINGS = ("runtime", "device", "precision", "threads")
"""The fields of a device spec that a candidate's description holds."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Arrays with one entry for each candidate, in a fixed order.

    Attributes:
        tables: The latency tables, one for each device spec.
        depths: (n,): the index of the subnet in ``listed``, or in ``COMPOUND_DEPTHS`` where ``listed`` is empty.
        resolution: (n,): the resolution in pixels.
        table: (n,): the index of the table.
        accuracy: (n,): the validation top-1 in per cent.
        latency_ms: (n,): the predicted latency in ms.
        margin: (n,): the half-width of the latency's interval, relative to the latency. It is 0 where the table
            states no error; :meth:`describe` then says that the upper end is unknown.
        macs: (n,): the multiply-accumulates for one image.
        params: (n,): the number of parameters.
        size_bytes: (n,): an upper bound of the model's size.
        listed: The subnets, where they are not the compound subnets.
    """

    tables: tuple[LatencyTable, ...]
    depths: Integers
    resolution: Integers
    table: Integers
    accuracy: Floats
    latency_ms: Floats
    margin: Floats
    macs: Integers
    params: Integers
    size_bytes: Integers
    listed: tuple[Subnet, ...] = ()

    def __len__(self) -> int:
        return len(self.depths)

    def subnet(self, index: int) -> Subnet:
        """Return the subnet of the candidate at an index."""
        if self.listed:
            return self.listed[int(self.depths[index])]
        return Subnet.compound(COMPOUND_DEPTHS[self.depths[index]], int(self.resolution[index]))

    def take(self, indices: NDArray[np.intp]) -> Candidates:
        """Return the candidates at these indices, in their order."""
        arrays = {name: getattr(self, name)[indices] for name in ARRAYS}
        return Candidates(self.tables, **arrays, listed=self.listed)

    def order(self) -> NDArray[np.intp]:
        """Return the indices from the best candidate to the worst.

        The order is by accuracy, then lower latency, fewer MACs, fewer parameters, earlier table, higher resolution,
        and the subnet's index. No two candidates share all of these, so there are no ties.
        """
        return np.lexsort(
            (
                self.depths,
                -self.resolution,
                self.table,
                self.params,
                self.macs,
                self.latency_ms,
                -self.accuracy,
            )
        )

    def to_frame(self) -> pandas.DataFrame:
        """Return a data frame with one row for each candidate. The columns' names hold the units."""
        import pandas

        specs = [table.spec.describe() for table in self.tables]
        stated = np.array([table.states_error for table in self.tables])[self.table]
        return pandas.DataFrame(
            {
                "subnet": [self.subnet(index).id for index in range(len(self))],
                "accuracy_percent": self.accuracy,
                "latency_ms": self.latency_ms,
                "latency_upper_ms": np.where(stated, self.latency_ms * (1 + self.margin), np.nan),
                "macs": self.macs,
                "params": self.params,
                "size_bytes_at_most": self.size_bytes,
                "device_spec": [specs[index] for index in self.table],
            }
        )

    def describe(self, index: int) -> dict[str, Any]:
        """Return the candidate at an index as JSON-ready values."""
        latency, margin = float(self.latency_ms[index]), float(self.margin[index])
        spec = self.tables[self.table[index]].spec
        return {
            "subnet": self.subnet(index).id,
            "ofa_config": self.subnet(index).to_ofa(),
            "accuracy": round(float(self.accuracy[index]), 4),
            "latency_ms": latency,
            "latency_upper_ms": latency * (1 + margin)
            if self.tables[self.table[index]].states_error
            else None,
            "macs": int(self.macs[index]),
            "params": int(self.params[index]),
            "size_bytes_at_most": int(self.size_bytes[index]),
            "device_spec": spec.describe(),
            **{word: getattr(spec, word) for word in SETTINGS if word not in spec.unknown},
        }


ARRAYS = tuple(f.name for f in fields(Candidates) if f.name not in ("tables", "listed"))


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
