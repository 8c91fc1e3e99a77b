"""Text files with one name a line."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.files.csv import read_text
from latency_tables.errors import FormatError


def read_names(path: Path) -> list[str]:
    """Read the names of classes, one a line. Blank lines, blanks around a name and a byte-order mark are no part of it.

    Raises:
        InputError: There is no such file.
        FormatError: The file is no text, or it has no name, or a name twice, or one with control characters.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), 1)]
    found: dict[str, int] = {}
    for number, name in lines:
        if name and not name.isprintable():
            raise FormatError(
                f"{path}, line {number}: the name {name!r:.60} has characters that cannot be printed"
            )
        if name in found:
            raise FormatError(f"{path}, line {number}: {name} is there twice, in line {found[name]} too")
        if name:
            found[name] = number
    if not found:
        raise FormatError(f"{path}: has no names; write one a line")
    return list(found)
