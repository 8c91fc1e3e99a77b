"""A journal keeps every finished part, whatever happens to its file, and its files are removed by name."""

import errno
import json
from pathlib import Path

import pytest

from compofa_deploy.evaluation.journal import EvaluationJournal, remove_journal
from latency_tables.errors import InputError, MismatchError

KEY = ["supernet", "images"]


def open_journal(path, **given):
    return EvaluationJournal(path, KEY, 2, **given)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.json.partial"


def test_finished_parts_come_back(path):
    journal = open_journal(path)
    journal.add("a", [1, 2])
    journal.add("b", [0, 7])
    assert open_journal(path).counts == {"a": [1, 2], "b": [0, 7]}


def test_nothing_is_written_before_a_part_is_finished(path):
    open_journal(path)
    assert not path.exists()
    journal = open_journal(None)
    journal.add("a", [1, 2])
    assert journal.counts == {"a": [1, 2]}


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_last_line_that_was_cut_off_costs_its_part_alone(path, cut):
    journal = open_journal(path)
    journal.add("a", [1, 2])
    journal.add("b", [3, 4])
    path.write_bytes(path.read_bytes()[:-cut])
    again = open_journal(path)
    assert again.counts == ({"a": [1, 2], "b": [3, 4]} if cut == 1 else {"a": [1, 2]})
    again.add("c", [5, 6])
    assert open_journal(path).counts == {**again.counts, "c": [5, 6]}


@pytest.mark.parametrize("line", ["words", "[1]", '{"part": "x"}', '{"part": "x", "counts": [1]}',
                                  '{"part": "x", "counts": [1, -1]}', '{"part": "x", "counts": [1, 0.5]}',
                                  '{"part": "x", "counts": [1, true]}', "[" * 5000])  # fmt: skip
def test_good_lines_before_and_after_a_bad_one_are_kept(path, line):
    journal = open_journal(path)
    journal.add("a", [1, 2])
    with path.open("a") as file:
        file.write(line + "\n")
    journal.add("b", [3, 4])
    assert open_journal(path).counts == {"a": [1, 2], "b": [3, 4]}


def test_every_process_writes_a_file_of_its_own_and_reads_those_of_all(path):
    for rank in range(3):
        open_journal(path, rank=rank).add(f"part {rank}", [rank, rank])
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "net.json.partial", "net.json.partial.1", "net.json.partial.2"
    ]  # fmt: skip
    assert open_journal(path, rank=1).counts == {f"part {rank}": [rank, rank] for rank in range(3)}


def test_the_journal_of_another_evaluation_is_refused_and_stays(path):
    open_journal(path).add("a", [1, 2])
    kept = path.read_bytes()
    with pytest.raises(
        MismatchError, match=r"net\.json\.partial: belongs to an evaluation of another supernet"
    ):
        EvaluationJournal(path, ["another"], 2)
    assert path.read_bytes() == kept


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"words\n", b'{"format": "x"}\n'])
def test_a_file_that_is_no_journal_is_renamed_and_named(path, content):
    path.write_bytes(content)
    told = []
    journal = open_journal(path, on_note=told.append)
    journal.add("a", [1, 2])
    assert told == [f"{path}: is no journal of an evaluation; it was renamed to net.json.partial.unreadable"]
    assert path.with_name("net.json.partial.unreadable").read_bytes() == content
    assert open_journal(path).counts == {"a": [1, 2]}


def test_the_file_of_an_earlier_release_is_read_and_written_anew(path):
    old = {
        "format": "compofa-partial-accuracies",
        "version": 1,
        "key": KEY,
        "done": {"a": {"0-3": [1, 2]}, "b": 1},
    }
    path.write_text(json.dumps(old, indent=1))
    open_journal(path).add("c", [3, 4])
    assert open_journal(path).counts == {"a/0-3": [1, 2], "c": [3, 4]}
    assert len(path.read_text().splitlines()) == 3


def test_the_file_of_an_earlier_release_on_other_images_is_set_aside(path):
    """Earlier releases identified images by their pixels at the largest resolution."""
    old = {"format": "compofa-partial-accuracies", "version": 1, "key": ["x"], "done": {"a": {"0-3": [1, 2]}}}
    path.write_text(json.dumps(old))
    told = []
    assert open_journal(path, on_note=told.append).counts == {}
    assert told == [
        f"{path}: was begun by an earlier release, on other images or settings; it was renamed to net.json.partial.old"
    ]
    assert json.loads(path.with_name("net.json.partial.old").read_text()) == old


def test_a_full_disk_is_one_line(path, monkeypatch):
    def refuse(self, *given, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = open_journal(path)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(
        InputError, match=r"partial: cannot be written \(No space left on device\); make room"
    ):
        journal.add("a", [1, 2])


def test_only_the_files_of_one_evaluation_are_removed(tmp_path: Path) -> None:
    own = ["[ab].json.partial", "[ab].json.partial.1", "[ab].json.partial.12"]
    others = ["[ab].json.partial.txt", "[ab].json.partial-notes", "a.json.partial.1", "[ab].json"]
    for name in own + others:
        (tmp_path / name).touch()
    remove_journal(tmp_path / own[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
