"""Writing our latency tables for others: OFA's YAML, or a CSV with a layer a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.tables.coverage import list_fixed, list_needed, widest_space
from compofa_deploy.tables.foreign_files import LATENCY, RESOLUTION
from latency_tables.crowding import Crowding
from latency_tables.errors import InputError
from latency_tables.files import replace_file
from latency_tables.layer import Layer
from latency_tables.layer_row import COLUMNS, write_row
from latency_tables.ofa_table import name_for_ofa, state_means
from latency_tables.table import LatencyTable


def export_ofa(table: LatencyTable, folder: Path) -> list[Path]:
    """Write ``224_lookup_table.yaml`` and so on into a folder, which is made; the files' paths.

    OFA's plain sum of what is written is what the table predicts, but for its crowding; see :func:`spread_intercept`.
    """
    import yaml

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    written = []
    for resolution, layers in _list_layers(table):
        means = state_means({name_for_ofa(layer): ms for layer, ms in layers})
        written.append(folder / f"{resolution}_lookup_table.yaml")
        with replace_file(written[-1]) as file:
            file.write(yaml.safe_dump(means, sort_keys=False).encode())
    return written


def export_csv(table: LatencyTable, path: Path) -> list[Path]:
    """Write one row for each layer at each resolution; the file's path. The sum of a network's rows is what the table
    predicts, but for its crowding."""
    text = io.StringIO()
    writer = csv.DictWriter(text, (RESOLUTION, *COLUMNS, LATENCY), lineterminator="\n")
    writer.writeheader()
    for resolution, layers in _list_layers(table):
        for layer, ms in layers:
            writer.writerow({RESOLUTION: resolution, **write_row(layer), LATENCY: repr(ms)})
    with replace_file(path) as file:
        file.write(text.getvalue().encode())
    return [path]


FORMATS = {"ofa": export_ofa, "csv": export_csv}


def spread_intercept(
    costs: dict[str, float], fixed: set[str], intercept_ms: float, where: str
) -> dict[str, float]:
    """Costs whose plain sum over a network is the intercept and the sum of ``costs``: the layers that every network
    runs once, ``fixed``, carry the intercept in proportion to what they cost.

    :class:`InputError` where that would make them negative.
    """
    total = sum(costs[key] for key in fixed)
    if total + intercept_ms < 0 or (intercept_ms and not total):
        raise InputError(
            f"{where}: its intercept of {intercept_ms:g} ms cannot be carried by the layers that every network runs "
            f"({total:g} ms), and a plain sum has none; measure more networks with compofa profile --mode full"
        )
    factor = 1 + intercept_ms / total if intercept_ms else 1.0
    return {key: ms * factor if key in fixed else ms for key, ms in costs.items()}


def flatten_crowding(table: LatencyTable) -> LatencyTable:
    """The table without crowding, which is a product, and no sum has one: each layer carries what its weights add to a
    network that is typical of those that the table was made from. Networks far from these are predicted less well."""
    crowding = table.crowding
    if not crowding.per_byte:
        return table
    totals = [sum(table.layers_ms[key] for key in network.layers) for network in table.networks]
    added = crowding.per_byte * median(totals)
    costs = {key: max(ms + added * crowding.weight_bytes[key], 0.0) for key, ms in table.costs_ms.items()}
    intercept = table.intercept_ms - added * crowding.typical_bytes
    return replace(table, costs_ms=costs, intercept_ms=intercept, crowding=Crowding())


def _list_layers(table: LatencyTable) -> Iterator[tuple[int, list[tuple[Layer, float]]]]:
    """Resolution by resolution, the layers that the table has, with what they cost without an intercept."""
    architecture = Architecture.from_dict(table.architecture)
    table = flatten_crowding(table)
    for resolution in table.resolutions:
        at = table.at(resolution)
        needed = list_needed(architecture, resolution, widest_space(architecture))
        must = list_needed(architecture, resolution, "compofa")
        costs = {key: at.layer_cost_ms(key) for key in needed if key in must or key in at.costs_ms}
        fixed = list_fixed(architecture, resolution)
        costs = spread_intercept(costs, fixed, at.intercept_ms, table.source)
        yield resolution, [(needed[key][0], ms) for key, ms in costs.items()]
