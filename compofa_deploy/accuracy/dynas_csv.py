"""Accuracies as DyNAS-T writes them: a CSV with one measured subnet of OFA's a row."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from compofa_deploy.files.csv import CsvRow
from compofa_deploy.files.numbers import read_number
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError

SUBNET, TOP1 = "Sub-network", "Top-1 Acc (%)"
COLUMNS = (SUBNET, "Date", "Model Parameters", "Latency (ms)", "MACs", TOP1)

TOLERANCE = 0.1
"""In percentage points: repeated rows of one subnet that are closer than this are averaged.

Published rows repeat subnets up to 0.04 points apart, since OFA's configs also hold settings of blocks that do not run.
"""


def read_rows(rows: Sequence[CsvRow], where: str) -> tuple[dict[Subnet, float], int]:
    """Read the top-1 of every subnet.

    Args:
        rows: The cells of each row by column.
        where: The file, for messages.

    Returns:
        The mean top-1 in per cent of each subnet, and the number of rows that repeated a subnet.

    Raises:
        FormatError: A row has no subnet of MobileNetV3 or no top-1, or rows of one subnet contradict each other.
    """
    found: dict[Subnet, dict[int, float]] = {}
    for row in rows:
        at = f"{where}, line {row.line}"
        top1 = read_number(row.get(TOP1, ""), f"{at}, {TOP1}", "in per cent")
        if not 0 <= top1 <= 100:
            raise FormatError(f"{at}, {TOP1}: must be between 0 and 100 per cent, not {row[TOP1]}")
        found.setdefault(_read_subnet(row.get(SUBNET, ""), at), {})[row.line] = top1
    for subnet, values in found.items():
        low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
        if values[high] - values[low] > TOLERANCE:
            raise FormatError(
                f"{where}, lines {min(low, high)} and {max(low, high)}: are both of {subnet} and say {values[low]:g} "
                f"and {values[high]:g} %; rows of one subnet may differ by {TOLERANCE:g} points: keep one of them"
            )
    means = {subnet: sum(values.values()) / len(values) for subnet, values in found.items()}
    return means, len(rows) - len(means)


def _read_subnet(text: str, where: str) -> Subnet:
    """Read OFA's config as Python prints it."""
    try:
        config: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        config = None
    if not isinstance(config, Mapping) or not all(isinstance(word, str) for word in config):
        raise FormatError(f"{where}, {SUBNET}: must be OFA's config as Python prints it, not {text[:60]!r}")
    try:
        return Subnet.from_ofa(config)
    except InputError as error:
        raise FormatError(f"{where}, {SUBNET}: {error}") from None
