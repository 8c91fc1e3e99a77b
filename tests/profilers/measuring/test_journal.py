import os
from pathlib import Path

import pytest

from latency_tables.errors import InputError
from profilers.measuring.journal import Journal
from tests.latency_tables.builders import make_visit

IDENTITY = {"kit_id": "a", "plan": {"sessions": 3}}


def write(path: Path, count: int) -> None:
    with Journal(path, IDENTITY) as journal:
        for session in range(count):
            journal.append(make_visit([1000, 1001], session))


def test_visits_come_back_and_more_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 2)
    with Journal(path, IDENTITY) as journal:
        assert journal.visits == [make_visit([1000, 1001], 0), make_visit([1000, 1001], 1)]
        journal.append(make_visit([1000], 2))
    with Journal(path, IDENTITY) as journal:
        assert [visit.session for visit in journal.visits] == [0, 1, 2]


@pytest.mark.parametrize("cut", [1, 20, 80])
def test_a_last_line_that_was_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    write(path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, IDENTITY) as journal:
        assert [visit.session for visit in journal.visits] == [0, 1]
        journal.append(make_visit([7], 9))
    with Journal(path, IDENTITY) as journal:
        assert [visit.session for visit in journal.visits] == [0, 1, 9]


def test_a_journal_of_another_run_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 2)
    old = path.read_bytes()
    with Journal(path, {**IDENTITY, "kit_id": "b"}) as journal:
        assert journal.visits == []
        assert journal.set_aside == tmp_path / "journal.other"
    assert (tmp_path / "journal.other").read_bytes() == old


@pytest.mark.parametrize("spoil", [b"", b"junk\n", b"{}\n", b"\xff\xfe\n"])
def test_a_file_that_is_no_journal_is_set_aside(tmp_path: Path, spoil: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(spoil)
    with Journal(path, IDENTITY) as journal:
        assert journal.set_aside is not None
    assert (tmp_path / "journal.other").read_bytes() == spoil


def test_a_visit_that_was_spoilt_in_the_middle_sets_the_journal_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 3)
    path.write_bytes(path.read_bytes().replace(b'"session": 1', b'"session": -1'))
    with Journal(path, IDENTITY) as journal:
        assert journal.visits == []
        assert journal.set_aside is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "journal", IDENTITY)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written .*choose another folder"):
        Journal(tmp_path / "nowhere" / "journal", IDENTITY)
