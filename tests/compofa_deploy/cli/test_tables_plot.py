"""``compofa tables plot`` and ``list``, and tables that ship, by their names."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from latency_tables import shipped
from latency_tables.table import LatencyTable, MeasuredNetwork
from profilers.machine.environment import read_machine

NAME = "tiny-onnxruntime-f32-1"


@pytest.fixture
def drawn(table: LatencyTable, tmp_path: Path) -> Path:
    """A table whose residuals are its networks'."""
    networks = tuple(MeasuredNetwork(f"n{i}", (), 0.1 + 0.01 * i) for i in range(len(table.residuals)))
    replace(table, networks=networks).save(tmp_path / "cpu.json")
    return tmp_path / "cpu.json"


@pytest.fixture
def ships(table: LatencyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(shipped, "FOLDER", folder)
    table.save(folder / f"{NAME}.json")
    return folder


def test_a_figure_is_written_and_says_of_what(compofa, drawn, tmp_path):
    pytest.importorskip("matplotlib")
    ran = compofa("tables", "plot", drawn, "-o", tmp_path / "cpu.svg")
    assert ran.code == 0
    assert "32 networks, of the fit, left out one by one" in ran.out
    first = (tmp_path / "cpu.svg").read_bytes()
    assert compofa("tables", "plot", drawn, "-o", tmp_path / "cpu.svg", "--json").json["networks"] == 32
    assert (tmp_path / "cpu.svg").read_bytes() == first


def test_without_matplotlib_the_extra_is_named(compofa, drawn, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = compofa("tables", "plot", drawn, "-o", tmp_path / "cpu.svg")
    assert ran.code == 2
    assert "this command needs matplotlib; install it with: pip install 'compofa-deploy[report]'" in ran.error
    assert not (tmp_path / "cpu.svg").exists()


def test_what_is_no_image_is_one_line(compofa, drawn, tmp_path):
    ran = compofa("tables", "plot", drawn, "-o", tmp_path / "cpu.json5")
    assert ran.code == 2
    assert "is written as .svg or .png" in ran.error


def test_a_table_that_ships_is_listed_as_of_this_machine_only_where_it_is(compofa, ships, table):
    here = compofa("tables", "list", "--json").json["shipped"]
    assert [(entry["name"], entry["of_this_machine"]) for entry in here] == [(NAME, True)]
    elsewhere = replace(table.spec, machine=replace(table.spec.machine, cpu_model="Another CPU"))
    replace(table, spec=elsewhere).save(ships / f"{NAME}.json")
    assert f"{NAME}  (ships; of another machine)" in compofa("tables", "list").out


def test_an_older_table_is_listed_as_of_a_machine_of_this_name_and_used_only_by_name(compofa, ships, table):
    here = read_machine()
    older = replace(table.spec, machine=replace(here, cpu_details=()))
    replace(table, spec=older).save(ships / f"{NAME}.json")
    expected = "a machine of this name" if here.cpu_details else "this machine"
    assert f"{NAME}  (ships; of {expected})" in compofa("tables", "list").out
    assert compofa("tables", "predict", NAME, "23344@16").code == 0


def test_a_table_that_ships_is_named_in_place_of_a_file(compofa, ships, tmp_path):
    assert compofa("tables", "predict", NAME, "23344@16", "--json").json["predictions"][0]["latency_ms"] > 0
    assert compofa("tables", "compare", NAME, NAME, "--json").json["median_ratio"] == 1
    exported = compofa("tables", "export", NAME, "--format", "csv", "-o", tmp_path / "out.csv")
    assert exported.code == 0


def test_a_file_of_that_name_goes_first(compofa, ships, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(NAME).write_text("no table")
    ran = compofa("tables", "show", NAME)
    assert ran.code == 2
    assert NAME in ran.error


def test_a_name_that_is_neither_a_file_nor_ships_is_refused(compofa, ships):
    ran = compofa("tables", "show", "tiny-tensorflow-f32-1")
    assert ran.code == 2
    assert "tiny-tensorflow-f32-1: there is no such file" in ran.error


def test_a_table_that_ships_is_not_written_to(compofa, ships):
    before = (ships / f"{NAME}.json").read_bytes()
    ran = compofa("tables", "validate", NAME)
    assert ran.code == 2
    assert "ships, and is not written to; validate a copy" in ran.error
    assert (ships / f"{NAME}.json").read_bytes() == before
