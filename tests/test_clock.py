"""Only one module reads a clock, so that every latency and every date comes from one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("latency_tables", "profilers", "compofa_deploy")
CLOCK = ROOT / "profilers" / "machine" / "clock.py"
ALLOWED_OF_TIME = {"sleep"}
"""Waiting reads no clock."""
READERS_OF_DATE = {"now", "utcnow", "today"}
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path != CLOCK]


def list_readings(source: str) -> Iterator[str]:
    """The expressions of a module that read a clock, by the modules ``time`` and ``datetime``."""
    nodes = list(ast.walk(ast.parse(source)))
    clocks = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "time"
    }
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{alias.name}" for alias in node.names if alias.name not in ALLOWED_OF_TIME)
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if (owner in clocks and node.attr not in ALLOWED_OF_TIME) or (
            owner.rpartition(".")[2] in ("datetime", "date") and node.attr in READERS_OF_DATE
        ):
            yield ast.unparse(node)


@pytest.mark.parametrize(
    ("source", "readings"),
    [
        ("import time\ntime.perf_counter_ns()", ["time.perf_counter_ns"]),
        ("import time\nclock = time.monotonic", ["time.monotonic"]),
        ("import time as t\nt.time()", ["t.time"]),
        ("def double(time):\n    return 2 * time.own_ms", []),
        ("from time import time, sleep", ["time.time"]),
        ("import datetime\ndatetime.datetime.now()", ["datetime.datetime.now"]),
        ("from datetime import date\ndate.today()", ["date.today"]),
        ("import time\ntime.sleep(1)", []),
        ("from datetime import datetime\ndatetime.fromisoformat('2026-01-01')", []),
    ],
)
def test_a_reading_of_a_clock_is_found(source: str, readings: list[str]) -> None:
    assert list(list_readings(source)) == readings


def test_the_clock_itself_is_found() -> None:
    assert "time.perf_counter_ns" in list(list_readings(CLOCK.read_text(encoding="utf-8")))


def test_nothing_else_reads_a_clock() -> None:
    assert len(SOURCES) > len(PACKAGES)
    found = {
        str(path.relative_to(ROOT)): readings
        for path in SOURCES
        if (readings := list(list_readings(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
