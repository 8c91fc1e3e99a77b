"""Writing latency tables for others: OFA's YAML, or a CSV with one layer a row."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.tables.foreign_files import LATENCY, RESOLUTION
from compofa_deploy.tables.plain_sum import PlainSum, make_plain_sum
from latency_tables.errors import InputError
from latency_tables.files import replace_file
from latency_tables.layer_row import COLUMNS, write_row
from latency_tables.ofa_table import name_for_ofa, state_means
from latency_tables.table import LatencyTable


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """The written files, and the largest relative error of their sums against the table's predictions.

    The error is 0 but for cache contention, which no sum of layers can hold.
    """

    files: tuple[Path, ...]
    largest_error: float


def export_ofa(table: LatencyTable, folder: Path) -> ExportedTable:
    """Write one of OFA's YAML files for each resolution, as in ``224_lookup_table.yaml``.

    OFA's plain sum of the layers is the table's prediction; see :func:`make_plain_sum`.

    Args:
        table: The latency table.
        folder: The folder of the files, which is made.

    Raises:
        InputError: The folder cannot be made, or no plain sum has positive costs.
        MismatchError: The table lacks a layer of the space ``compofa``.
    """
    import yaml

    sums = make_plain_sum(table)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    written = []
    for resolution, costs in sums.costs_ms.items():
        means = state_means({name_for_ofa(sums.layers[resolution][key]): ms for key, ms in costs.items()})
        written.append(folder / f"{resolution}_lookup_table.yaml")
        with replace_file(written[-1]) as file:
            file.write(yaml.safe_dump(means, sort_keys=False).encode())
    return ExportedTable(tuple(written), sums.largest_error)


def export_csv(table: LatencyTable, path: Path) -> ExportedTable:
    """Write a CSV with one row for each layer at each resolution.

    The sum of a network's rows is the table's prediction; see :func:`make_plain_sum`.

    Args:
        table: The latency table.
        path: The CSV file.

    Raises:
        InputError: The file cannot be written, or no plain sum has positive costs.
        MismatchError: The table lacks a layer of the space ``compofa``.
    """
    sums = make_plain_sum(table)
    with replace_file(path) as file:
        file.write(_write_csv(sums).encode())
    return ExportedTable((path,), sums.largest_error)


def _write_csv(sums: PlainSum) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, (RESOLUTION, *COLUMNS, LATENCY), lineterminator="\n")
    writer.writeheader()
    for resolution, costs in sums.costs_ms.items():
        for key, ms in costs.items():
            row = write_row(sums.layers[resolution][key])
            writer.writerow({RESOLUTION: resolution, **row, LATENCY: repr(ms)})
    return text.getvalue()


FORMATS = {"ofa": export_ofa, "csv": export_csv}
