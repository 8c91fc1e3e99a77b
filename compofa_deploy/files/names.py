"""Files with one name in each line."""

from __future__ import annotations

from pathlib import Path

from latency_tables.errors import InputError


def read_names(path: Path) -> list[str]:
    """Reads a text file with one name in each line. Empty lines do not count.

    Args:
        path: The file, in UTF-8.

    Raises:
        InputError: The file cannot be read as text.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from None
