"""Records come back from their JSON form, alone and as versioned files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from latency_tables.errors import FormatError, InputError
from latency_tables.record import Record, RecordFile


@dataclass(frozen=True)
class TwoWords(Record):
    size: int


@dataclass(frozen=True)
class Saved(RecordFile):
    FORMAT = "compofa-test"
    VERSION = 3

    name: str
    inner: TwoWords
    refuse_unknown = True


SAVED = Saved("é", TwoWords(1))


def test_a_record_without_a_stated_place_is_named_by_its_class() -> None:
    with pytest.raises(FormatError, match=r"^two_words, size: is missing"):
        TwoWords.from_dict({})


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    SAVED.save(tmp_path / "file.json")
    assert Saved.load(tmp_path / "file.json") == SAVED
    content = json.loads((tmp_path / "file.json").read_text())
    assert content == {"format": "compofa-test", "version": 3, "name": "é", "inner": {"size": 1}}


def test_a_text_is_one_line_and_comes_back_as_it_was() -> None:
    assert "\n" not in SAVED.to_text()
    assert Saved.parse(SAVED.to_text(), "the line") == SAVED


def test_format_and_version_are_not_taken_for_unknown_fields() -> None:
    assert Saved.from_content(SAVED.to_content(), "file") == SAVED
    with pytest.raises(FormatError, match="file, note: is not a field of this format"):
        Saved.from_content({**SAVED.to_content(), "note": 1}, "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is 'other', not a compofa-test"),
        ({"version": 2}, "is version 2 of compofa-test; this release reads version 3"),
        ({"inner": {"size": "1"}}, "inner, size: must be a whole number"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps({**SAVED.to_content(), **change}))
    with pytest.raises(FormatError, match=f"^{path}.*{message}"):
        Saved.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        Saved.load(tmp_path / "none.json")


def test_a_number_that_is_not_finite_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Saved(float("nan"), TwoWords(1)).save(tmp_path / "file.json")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
