"""CSV files that people write: every doubt is named, with its row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from latency_tables.errors import FormatError, InputError

LARGEST_FILE = 32 * 2**20
"""In bytes; a table of every layer of a large space at one resolution has some tens of thousands."""


def read_text(path: Path) -> str:
    """A text file; :class:`InputError` where there is none, :class:`FormatError` where it is no text or too large."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FormatError(f"{path}: is larger than any table ({LARGEST_FILE / 2**20:.0f} MiB)")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text ({error})") from None


def check_whole(text: str, where: str) -> None:
    """:class:`FormatError` where the last line does not end."""
    if not text.endswith("\n"):
        raise FormatError(
            f"{where}: ends within a line; it may be cut off (a last line ends with a line break)"
        )


def parse_csv(text: str, where: str, known: Sequence[str]) -> list[dict[str, str]]:
    """Rows of cells by column. :class:`FormatError` where a column is unknown or there twice, a row is too short or too
    long, or the text ends within a line."""
    check_whole(text, where)
    try:
        lines = [line for line in csv.reader(text.splitlines(), strict=True) if line]
    except csv.Error as error:
        raise FormatError(f"{where}: not CSV ({error})") from None
    if len(lines) < 2:
        raise FormatError(f"{where}: holds no rows under a header")
    header = [name.strip() for name in lines[0]]
    for name in header:
        if name not in known:
            raise FormatError(f"{where}: column {name!r} is none of {', '.join(known)}")
        if header.count(name) > 1:
            raise FormatError(f"{where}: column {name!r} is there twice")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise FormatError(
                f"{where}, row {number}: has {len(line)} cells, not {len(header)}; it may be cut off"
            )
    return [dict(zip(header, (cell.strip() for cell in line), strict=True)) for line in lines[1:]]


def read_number(text: str, where: str, unit: str) -> float:
    """A cell's number; :class:`FormatError` where it is none. It may be negative, infinite or NaN."""
    try:
        return float(text)
    except ValueError:
        raise FormatError(f"{where}: must be a number {unit}, not {text!r}") from None
