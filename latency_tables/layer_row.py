"""Layer rows: layers as rows of text cells, for tables that people write by hand."""

from __future__ import annotations

from collections.abc import Mapping

from latency_tables.errors import FormatError
from latency_tables.layer import ACTIVATIONS, KINDS, Layer

NUMBERS = ("in_channels", "out_channels", "in_size", "out_size", "mid_channels", "kernel", "stride")
REQUIRED = ("kind", "in_channels", "out_channels", "in_size", "out_size")
FLAGS = ("se", "skip", "norm")
COLUMNS = ("kind", *NUMBERS, "act", *FLAGS)
"""The attributes of :class:`Layer` that a latency depends on. An empty or missing cell stands for the default."""

_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def write_row(layer: Layer) -> dict[str, str]:
    """The cells of a layer by column, read back by :func:`read_row`."""
    cells = {column: getattr(layer, column) for column in COLUMNS}
    return {column: str(int(value) if isinstance(value, bool) else value) for column, value in cells.items()}


def read_row(cells: Mapping[str, str], where: str) -> Layer:
    """Read the layer of a row.

    Args:
        cells: The cells by column.
        where: The row's name in errors.

    Raises:
        FormatError: A cell is missing or wrong; the message names it.

    >>> cells = {"kind": "pool", "in_channels": "96", "out_channels": "96", "in_size": "7", "out_size": "1"}
    >>> read_row(cells, "row 2").key
    'pool-96x7-96x1'
    """
    given = {column: cells.get(column, "").strip() for column in COLUMNS}
    for column in REQUIRED:
        if not given[column]:
            raise FormatError(f"{where}, {column}: is missing; a layer needs {', '.join(REQUIRED)}")
    for column, allowed in (("kind", KINDS), ("act", ACTIVATIONS)):
        if given[column] and given[column] not in allowed:
            raise FormatError(
                f"{where}, {column}: must be one of {', '.join(allowed)}, not {given[column]!r}"
            )
    numbers = {
        column: _read_number(given[column], f"{where}, {column}") for column in NUMBERS if given[column]
    }
    flags = {column: _read_flag(given[column], f"{where}, {column}") for column in FLAGS if given[column]}
    act = {"act": given["act"]} if given["act"] else {}
    return Layer("", given["kind"], **numbers, **flags, **act)  # type: ignore[arg-type]


def _read_number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise FormatError(f"{where}: must be a whole number of at least 0, not {text!r}")
    return int(text)


def _read_flag(text: str, where: str) -> bool:
    if text.lower() not in _WORDS:
        raise FormatError(f"{where}: must be true or false, not {text!r}")
    return _WORDS[text.lower()]
