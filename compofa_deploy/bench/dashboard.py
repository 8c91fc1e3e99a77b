"""The JSON format of benchmark dashboards: ``[{name, unit, value, range}]``, where smaller is better."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compofa_deploy.bench.summary import Summary
from latency_tables.files import replace_file

DIGITS = 6


def list_entries(summaries: Iterable[Summary]) -> list[dict[str, Any]]:
    """One entry for each measured quantity. ``range`` is half the width of the interval, where there is one.

    The median appears twice: in ms, and as a multiple of the baseline network's latency. The latter depends far less on
    the machine's speed.
    """
    return [entry for summary in summaries for entry in _list_entries(summary)]


def write_dashboard(path: Path, summaries: Iterable[Summary]) -> None:
    """Write the file, whole or not at all.

    Args:
        path: The file.
        summaries: The summaries of the bundles.

    Raises:
        InputError: The file cannot be written.
    """
    text = json.dumps(list_entries(summaries), indent=1, allow_nan=False)
    with replace_file(path) as file:
        file.write(text.encode() + b"\n")


def _list_entries(summary: Summary) -> list[dict[str, Any]]:
    name, half = summary.name, (summary.high_ms - summary.low_ms) / 2
    entries = [
        _make(f"{name}: median latency", "ms", summary.median_ms, half),
        _make(f"{name}: latency by the baseline's", "x", summary.baseline_ratio, half / summary.baseline_ms),
        *(_make(f"{name}: p{p} latency", "ms", ms) for p, ms in summary.percentiles_ms.items()),
        _make(f"{name}: load time", "ms", summary.load_ms),
        _make(f"{name}: model size", "bytes", summary.size_bytes),
    ]  # fmt: skip
    if summary.memory_bytes is not None:
        entries.append(_make(f"{name}: memory", "bytes", summary.memory_bytes))
    return entries


def _make(name: str, unit: str, value: float, half: float | None = None) -> dict[str, Any]:
    shown = value if isinstance(value, int) else round(value, DIGITS)
    return {"name": name, "unit": unit, "value": shown, **({} if half is None else {"range": f"{half:.2g}"})}
