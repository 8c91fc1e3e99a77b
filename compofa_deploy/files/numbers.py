"""Numbers that people write in text files, read strictly: ``int()`` and ``float()`` accept too much.

Both accept full-width digits, underscores and blanks; ``float()`` accepts ``inf`` and ``nan`` as well.
"""

from __future__ import annotations

import math
import re

from latency_tables.errors import FormatError

MOST_DIGITS = 18
"""A whole number with more digits does not fit in 64 bits."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_number(text: str, where: str, unit: str) -> float:
    """Read a finite decimal number.

    Args:
        text: ASCII digits with an optional sign, point and exponent.
        where: The place of the text in errors.
        unit: The unit in errors, such as ``of milliseconds``.

    Raises:
        FormatError: The text is no such number.

    >>> read_number("1e-05", "it", "of seconds")
    1e-05
    """
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if math.isfinite(value):
        return value
    raise FormatError(f"{where}: must be a finite number {unit}, not {text!r:.60}")


def read_whole(text: str, where: str, what: str) -> int:
    """Read a whole number from 1 on.

    Args:
        text: ASCII digits alone.
        where: The place of the text in errors.
        what: The quantity in errors, such as ``a resolution in pixels``.

    Raises:
        FormatError: The text is no such number.

    >>> read_whole("224", "it", "a resolution in pixels")
    224
    """
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text):
        return int(text)
    raise FormatError(f"{where}: must be {what}, not {text!r:.60}")
