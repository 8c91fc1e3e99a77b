"""A history only grows: by a whole line or not at all, and what is broken in it stays and is named."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compofa_deploy.bench.history import Entry, append_entry, read_history
from latency_tables.errors import InputError
from tests.support.bench_results import make_result


@pytest.fixture
def entry() -> Entry:
    return Entry.of(make_result("a", "b", sessions=3, calls=3))


@pytest.fixture
def history(tmp_path: Path, entry: Entry) -> Path:
    """A history of three lines, of which the second is broken."""
    path = tmp_path / "history.jsonl"
    append_entry(path, entry)
    with path.open("a") as file:
        file.write('{"format": "compofa-bench-history", "vers\n')
    append_entry(path, entry)
    return path


def test_an_entry_is_read_as_it_was_written(tmp_path: Path, entry: Entry) -> None:
    assert Entry.parse(entry.to_text(), "the line") == entry
    assert "\n" not in entry.to_text()


def test_a_broken_line_is_named_by_its_number_and_the_others_count(history: Path, entry: Entry) -> None:
    found = read_history(history)
    assert found.entries == (entry, entry)
    (broken,) = found.broken
    assert broken.startswith(f"{history}, line 2: not the JSON it should be")


def test_what_is_there_stays_as_it_is(history: Path, entry: Entry) -> None:
    before = history.read_bytes()
    append_entry(history, entry)
    assert history.read_bytes() == before + entry.to_text().encode() + b"\n"


def test_a_last_line_that_was_cut_off_does_not_spoil_the_next(history: Path, entry: Entry) -> None:
    cut = history.read_bytes()[:-10]
    history.write_bytes(cut)
    append_entry(history, entry)
    assert history.read_bytes().startswith(cut + b"\n")
    found = read_history(history)
    assert found.entries == (entry, entry)
    assert [text.partition(":")[0] for text in found.broken] == [f"{history}, line 2", f"{history}, line 3"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "is 'list', not a compofa-bench-history"),
        ('{"format": "compofa-bench-history", "version": 9}', "is version 9"),
        (
            '{"format": "compofa-bench-history", "version": 1, "created": "", "label": "", "bundles": [1]}',
            "bundles",
        ),
        ("\ufffd", "not the JSON"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "history.jsonl").write_text(f"\n{line}\n")
    (broken,) = read_history(tmp_path / "history.jsonl").broken
    assert "line 2" in broken
    assert why in broken


def test_bytes_that_are_no_text_are_a_broken_line(history: Path) -> None:
    with history.open("ab") as file:
        file.write(b"\xff\xfe\n")
    assert len(read_history(history).broken) == 2


def test_many_at_once_leave_whole_lines(tmp_path: Path, entry: Entry) -> None:
    path = tmp_path / "history.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: append_entry(path, entry), range(40)))
    found = read_history(path)
    assert (len(found.entries), found.broken) == (40, ())


def test_a_disk_that_fills_up_leaves_no_part_of_a_line(
    history: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = history.read_bytes()

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            return self.file.write(data[:50])

    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda *a, **k: Full(opened(*a, **k)))
    with pytest.raises(InputError, match=r"cannot be written .* make room"):
        append_entry(history, entry)
    monkeypatch.undo()
    assert history.read_bytes() == before


def test_a_place_that_cannot_be_written_or_read_is_one_error(tmp_path: Path, entry: Entry) -> None:
    with pytest.raises(InputError, match=r"history\.jsonl: cannot be written"):
        append_entry(tmp_path / "nowhere" / "history.jsonl", entry)
    with pytest.raises(InputError, match="there is no such file; make one with compofa bench run --append"):
        read_history(tmp_path / "history.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_history(tmp_path)
    assert os.listdir(tmp_path) == []
