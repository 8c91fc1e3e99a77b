"""Latency tables: reading, listing, predicting, comparing, importing, exporting and drawing them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compofa_deploy.report.table_figure import Points, find_points, write_figure
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.compare import TableComparison
from compofa_deploy.tables.compare import compare as compare_pair
from compofa_deploy.tables.coverage import widest_space
from compofa_deploy.tables.exporting import FORMATS, ExportedTable
from compofa_deploy.tables.foreign_device import TableImportOptions
from compofa_deploy.tables.importing import import_table as read_foreign_table
from compofa_deploy.tables.listing import TableListing
from compofa_deploy.tables.listing import list_tables as list_tables_of
from compofa_deploy.tables.predict import Prediction
from compofa_deploy.tables.predict import predict as predict_subnets
from latency_tables.errors import InputError
from latency_tables.shipped import find_shipped
from latency_tables.table import LatencyTable


def load_table(table: str | Path) -> LatencyTable:
    """Loads a latency table.

    Args:
        table: The table's file, or the name of one that ships. A file of that name is preferred.

    Raises:
        InputError: There is no such table.
        FormatError: The file is not a latency table.
    """
    path = Path(table)
    return LatencyTable.load(path if path.exists() else find_shipped(str(table)) or path)


def list_tables() -> TableListing:
    """Lists the tables in the cache and those that ship."""
    return list_tables_of(Cache.default())


def predict(
    table: LatencyTable, subnets: Iterable[Subnet | str], confidence: float = 0.9
) -> list[Prediction]:
    """Predicts the median latency of subnets.

    Args:
        table: The latency table.
        subnets: The subnets, or their ids.
        confidence: The confidence of the interval, between 0 and 1.

    Returns:
        One prediction for each subnet, in their order, in ms.

    Raises:
        InputError: A text is not a subnet's id.
        MismatchError: The table lacks a layer or a resolution of a subnet.
    """
    choices = find_family(Architecture.from_dict(table.architecture)).CHOICES
    parsed = [Subnet.parse(subnet, choices) if isinstance(subnet, str) else subnet for subnet in subnets]
    return predict_subnets(table, parsed, confidence)


def import_table(source: Path, architecture: str, options: TableImportOptions) -> LatencyTable:
    """Reads a latency table that was measured elsewhere. Such a table states no error.

    Args:
        source: A file or a folder of OFA's tables in YAML or JSON, or a CSV.
        architecture: The name of the architecture that the table is of.
        options: What is known of the device, and the space that the table must cover.

    Raises:
        FormatError: A file is not such a table.
        InputError: A file does not exist, or no architecture has that name.
        MismatchError: The table lacks a layer of the space.
    """
    found = find_architecture(architecture)
    return read_foreign_table(
        source, found, options.describe_device(), options.space or widest_space(found), options.unit
    )


def find_widest_space(architecture: str) -> str:
    """Returns the name of the largest space that an architecture has.

    Args:
        architecture: The architecture's name.

    Raises:
        InputError: No architecture has that name.
    """
    return widest_space(find_architecture(architecture))


def export_table(table: LatencyTable, output: Path, kind: str = "ofa") -> ExportedTable:
    """Writes a table for other programs.

    Args:
        table: The latency table.
        output: The folder (``ofa``) or the file (``csv``) to write.
        kind: ``ofa`` for OFA's YAML files, one for each resolution; ``csv`` for one file, a layer in each row.

    Returns:
        The files that were written, and the largest relative error of their sums.

    Raises:
        InputError: There is no such kind, or the output cannot be written.
    """
    if kind not in FORMATS:
        raise InputError(f"no format {kind!r} for tables; there are {', '.join(FORMATS)}")
    return FORMATS[kind](table, output)


def compare_tables(first: LatencyTable, second: LatencyTable) -> TableComparison:
    """Compares what two tables predict for all compound subnets that both have.

    Args:
        first: The table that ratios are relative to.
        second: The other table.

    Raises:
        MismatchError: The tables have different architectures, or share no resolution.
    """
    return compare_pair(first, second)


def plot_table(table: LatencyTable, output: Path) -> Points:
    """Draws what a table predicts against what was measured. This needs matplotlib.

    Args:
        table: The latency table.
        output: The figure, with the suffix ``.svg`` or ``.png``.

    Returns:
        The points that were drawn.

    Raises:
        InputError: The suffix is another one, the file cannot be written, or the table has no measured networks.
    """
    points = find_points(table)
    write_figure(table, output)
    return points
