"""Tables that ship are found by their names, and nothing else is."""

from pathlib import Path

import pytest

from latency_tables import shipped
from latency_tables.shipped import find_shipped, list_shipped
from tests.latency_tables.builders import make_table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    make_table().save(tmp_path / "tiny-fake-f32-1.json")
    return tmp_path


def test_a_table_that_ships_is_found_by_its_name(folder: Path) -> None:
    assert list_shipped() == [folder / "tiny-fake-f32-1.json"]
    assert find_shipped("tiny-fake-f32-1") == folder / "tiny-fake-f32-1.json"


@pytest.mark.parametrize("name", ["tiny-fake-f32-2", "tiny-fake-f32-1.json", "", "../secret", "*"])
def test_what_names_no_table_finds_none(folder: Path, name: str) -> None:
    (folder.parent / "secret.json").write_text("{}")
    assert find_shipped(name) is None
