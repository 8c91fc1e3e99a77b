"""CSV files that people write. Whatever is wrong in one is named with its line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from latency_tables.errors import FormatError, InputError

LARGEST_FILE = 32 * 2**20
"""In bytes. A table of every layer of a large space at one resolution has some tens of thousands of rows."""


class CsvRow(dict[str, str]):
    """The cells of a row by column.

    Attributes:
        line: The number of the line in the file on which the row ends.
    """

    def __init__(self, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
        super().__init__(zip(header, (cell.strip() for cell in cells), strict=True))
        self.line = line


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte-order mark.

    Raises:
        InputError: There is no such file.
        FormatError: The file is no text, or too large.
    """
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


def parse_csv(text: str, where: str, known: Sequence[str]) -> list[CsvRow]:
    """Parse a CSV with a header.

    Args:
        text: The whole file.
        where: The name of the file in errors.
        known: The columns that there may be.

    Returns:
        The rows, at least one. Blank lines are none.

    Raises:
        FormatError: A column is unknown or there twice, or a row is too short or too long, or the text ends within a
            line.
    """
    check_whole(text, where)
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        lines = [(reader.line_num, line) for line in reader if line]
    except csv.Error as error:
        raise FormatError(f"{where}, line {reader.line_num}: not CSV ({error})") from None
    if len(lines) < 2:
        raise FormatError(f"{where}: holds no rows under a header")
    header = [name.strip() for name in lines[0][1]]
    for name in header:
        if name not in known:
            raise FormatError(f"{where}: column {name!r} is none of {', '.join(known)}")
        if header.count(name) > 1:
            raise FormatError(f"{where}: column {name!r} is there twice")
    for number, line in lines[1:]:
        if len(line) != len(header):
            raise FormatError(
                f"{where}, line {number}: has {len(line)} cells, not {len(header)}; it may be cut off"
            )
    return [CsvRow(number, header, line) for number, line in lines[1:]]
