"""``compofa tables validate`` and ``compare``: what they print, store and refuse."""

from dataclasses import replace
from pathlib import Path

import pytest

from latency_tables.table import LatencyTable


@pytest.fixture
def measured(simulated) -> None:
    """Every network takes 0.05 ms, without being run."""
    simulated.latency_ms = lambda label: 0.05


@pytest.mark.usefixtures("measured")
def test_validate_stores_in_the_table_what_it_prints(compofa, table_file: Path) -> None:
    ran = compofa("tables", "validate", table_file, "--networks", 8, "--seed", 3, "--mode", "quick")
    assert ran.code == 0
    for word in (
        "held-out networks",
        "MAPE",
        "within 5 %",
        "within 10 %",
        "rank",
        "90%",
        "bias",
        "noise floor",
    ):
        assert word in ran.out
    validation = LatencyTable.load(table_file).validation
    assert validation is not None
    assert (validation.error.n, validation.seed) == (8, 3)
    assert f"{validation.error.mape:.2%}" in ran.out
    shown = compofa("tables", "show", table_file)
    assert "8 networks held out" in shown.out


@pytest.mark.usefixtures("measured")
def test_validate_gives_json(compofa, table_file: Path) -> None:
    found = compofa("tables", "validate", table_file, "--networks", 8, "--json").json["validation"]
    assert found["error"]["n"] == 8
    assert len(found["networks"]) == 8


def test_validate_refuses_a_table_of_another_version_and_leaves_it_as_it_is(
    compofa, table: LatencyTable, table_file: Path
) -> None:
    replace(table, spec=replace(table.spec, runtime_version="0.1")).save(table_file)
    before = table_file.read_bytes()
    ran = compofa("tables", "validate", table_file, "--networks", 8)
    assert ran.code == 2
    assert "cpu.json is of runtime_version 0.1, and here it is" in ran.error
    assert table_file.read_bytes() == before


def test_compare_shows_the_ratio_and_what_differs(compofa, table: LatencyTable, table_file: Path) -> None:
    costs = {key: 2 * ms for key, ms in table.costs_ms.items()}
    other = table_file.with_name("other.json")
    spec = replace(table.spec, threads=2)
    replace(table, spec=spec, costs_ms=costs, intercept_ms=2 * table.intercept_ms).save(other)
    ran = compofa("tables", "compare", table_file, other)
    assert ran.code == 0
    assert "second / first    2.0000 (median)" in ran.out
    assert "threads: 1, 2" in ran.out
    assert "not validated" in ran.out
    found = compofa("tables", "compare", table_file, other, "--json").json
    assert found["median_ratio"] == pytest.approx(2)
    assert [t["file"] for t in found["tables"]] == [str(table_file), str(other)]


def test_compare_refuses_another_architecture(compofa, table: LatencyTable, table_file: Path) -> None:
    other = table_file.with_name("other.json")
    replace(table, architecture={**table.architecture, "name": "another"}).save(other)
    ran = compofa("tables", "compare", table_file, other)
    assert ran.code == 2
    assert "of another architecture, another" in ran.error
