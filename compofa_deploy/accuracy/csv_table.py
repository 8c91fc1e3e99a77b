"""Accuracies that a user states: a CSV of subnets, or a table that ``compofa evaluate`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy import dynas_csv
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.files.csv import parse_csv, read_text
from compofa_deploy.files.numbers import read_number, read_whole
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError

COLUMNS = ("subnet", "top1", "top5", "images", "seconds")
REQUIRED = COLUMNS[:2]
HIGHEST_FRACTION = 1.0
"""A table whose every top-1 is at most this states fractions instead of per cents."""


@dataclass(frozen=True)
class StatedAccuracies:
    """Accuracies of some subnets.

    Attributes:
        subnets: The subnets, each once.
        top1: (n,): their top-1 in per cent.
        source: The file that states them.
        architecture: The architecture's name, where the file states one.
        note: A statement about how the file was read, or empty.
    """

    subnets: tuple[Subnet, ...]
    top1: NDArray[np.float64]
    source: str
    architecture: str | None = None
    note: str = ""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the subnets, ascending."""
        return tuple(sorted({subnet.resolution for subnet in self.subnets}))

    def describe(self) -> str:
        """A few words on the source of the accuracies."""
        return f"stated by {self.source}" + (f" ({self.note})" if self.note else "")


def read_stated(path: Path) -> StatedAccuracies:
    """Read a CSV of accuracies, or the validation accuracies of a table that ``compofa evaluate`` wrote.

    The CSV has the columns ``subnet`` (an id, or OFA's config as JSON) and ``top1`` in per cent. The columns ``top5``
    and ``images`` are optional, and are checked. A CSV of DyNAS-T is read as well.

    Raises:
        InputError: There is no such file.
        FormatError: A line has no subnet, or one that is there twice, or a number out of range; or the file states
            fractions in place of per cents.
    """
    if path.suffix.lower() == ".json":
        return _from_table(AccuracyTable.load(path), str(path))
    where, text = str(path), read_text(path)
    if dynas_csv.SUBNET in text.partition("\n")[0]:
        return _read_dynas(text, where)
    rows = parse_csv(text, where, COLUMNS)
    for column in REQUIRED:
        if column not in rows[0]:
            raise FormatError(f"{where}: needs the columns {' and '.join(REQUIRED)}; {column} is missing")
    found: dict[Subnet, float] = {}
    for row in rows:
        at = f"{where}, line {row.line}"
        try:
            subnet = Subnet.parse(row["subnet"])
        except InputError as error:
            raise FormatError(f"{at}: {error}") from None
        if subnet in found:
            raise FormatError(f"{at}: subnet {subnet} is there twice")
        found[subnet] = _read_percent(row["top1"], f"{at}, top1", 0)
        if row.get("top5"):
            _read_percent(row["top5"], f"{at}, top5", found[subnet])
        if row.get("images"):
            read_whole(row["images"], f"{at}, images", "a number of images")
    if max(found.values()) <= HIGHEST_FRACTION:
        raise FormatError(f"{where}: top1 is in per cent, and none is above 1; multiply fractions by 100")
    return StatedAccuracies(tuple(found), np.array(list(found.values())), where)


def _read_dynas(text: str, where: str) -> StatedAccuracies:
    rows = parse_csv(text, where, dynas_csv.COLUMNS)
    for column in (dynas_csv.SUBNET, dynas_csv.TOP1):
        if column not in rows[0]:
            raise FormatError(f"{where}: needs the columns {dynas_csv.SUBNET} and {dynas_csv.TOP1}")
    found, repeated = dynas_csv.read_rows(rows, where)
    note = (
        f"{repeated} of {len(rows)} rows repeat a subnet within {dynas_csv.TOLERANCE:g} points and were averaged"
        if repeated
        else ""
    )
    return StatedAccuracies(tuple(found), np.array(list(found.values())), where, note=note)


def _read_percent(text: str, where: str, lowest: float) -> float:
    value = read_number(text, where, "in per cent")
    if not lowest <= value <= 100:
        raise FormatError(f"{where}: must be between {lowest:g} and 100 per cent, not {text}")
    return value


def _from_table(table: AccuracyTable, source: str) -> StatedAccuracies:
    subnets = [Subnet.compound(depths, r) for r in table.resolutions for depths in COMPOUND_DEPTHS]
    return StatedAccuracies(tuple(subnets), table.accuracy("validation").ravel(), source, table.architecture)
