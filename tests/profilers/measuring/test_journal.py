import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from latency_tables.errors import InputError
from profilers.measuring.journal import Journal
from tests.latency_tables.builders import make_session

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")
IDENTITY = {"kit_id": "a", "plan": {"sessions": 3}}


def write(path: Path, count: int) -> None:
    with Journal(path, IDENTITY) as journal:
        for session in range(count):
            journal.append(make_session([1000, 1001], session))


def test_visits_come_back_and_more_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 2)
    with Journal(path, IDENTITY) as journal:
        assert journal.sessions == [make_session([1000, 1001], 0), make_session([1000, 1001], 1)]
        journal.append(make_session([1000], 2))
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 1, 2]


@pytest.mark.parametrize("cut", [1, 20, 80])
def test_a_last_line_that_was_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    write(path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 1]
        journal.append(make_session([7], 9))
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 1, 9]


def test_a_journal_of_another_run_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 2)
    old = path.read_bytes()
    with Journal(path, {**IDENTITY, "kit_id": "b"}) as journal:
        assert journal.sessions == []
        assert journal.set_aside == tmp_path / "journal.other"
    assert (tmp_path / "journal.other").read_bytes() == old


@pytest.mark.parametrize("spoil", [b"junk\n", b"{}\n", b"\xff\xfe\n"])
def test_a_file_that_is_no_journal_is_set_aside(tmp_path: Path, spoil: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(spoil)
    with Journal(path, IDENTITY) as journal:
        assert journal.set_aside is not None
    assert (tmp_path / "journal.other").read_bytes() == spoil


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    write(path, 1)
    with Journal(path, IDENTITY) as journal:
        assert len(journal.sessions) == 1
        assert journal.note == ""


@pytest.mark.parametrize(
    "broken",
    [
        b'{"item": "x", "session": -1}\n',
        b"[" * 5000 + b"]" * 5000 + b"\n",
        (json.dumps({**make_session([1000]).to_dict(), "samples_ns": [2**70]}) + "\n").encode(),
        b'{"item": "x", "ses{"item": "y", "session": 1}\n',
        b"\xff\xfe\n",
        b"\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_good_lines_before_and_after_a_bad_one_are_kept(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "journal"
    write(path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], broken, *lines[3:]]))
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 2, 3]
        assert journal.set_aside is None
        assert journal.note == f"{path}: 1 line could not be read, and what is missing is measured again"
        journal.append(make_session([1000], 1))
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 2, 3, 1]


@needs_locks
def test_a_second_run_is_refused_while_one_measures_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, IDENTITY) as journal:
        journal.append(make_session([1000], 0))
        for identity in (IDENTITY, {**IDENTITY, "kit_id": "b"}):
            with pytest.raises(InputError, match=r"journal: another run measures into it; wait"):
                Journal(path, identity)
        journal.append(make_session([1000], 1))
    assert not (tmp_path / "journal.other").exists()
    with Journal(path, IDENTITY) as journal:
        assert [session.number for session in journal.sessions] == [0, 1]


@needs_locks
def test_a_run_that_set_a_journal_aside_holds_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, 1)
    other = {**IDENTITY, "kit_id": "b"}
    with Journal(path, other) as journal:
        assert journal.note == f"{path} was the journal of another run and is now {path}.other"
        with pytest.raises(InputError, match="another run measures into it"):
            Journal(path, other)


@needs_locks
def test_the_journal_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    code = (
        "import sys, os, signal; from pathlib import Path; from profilers.measuring.journal import Journal; "
        f"Journal(Path(sys.argv[1]), {IDENTITY!r}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -signal.SIGKILL
    with Journal(path, IDENTITY) as journal:
        assert journal.note == ""


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a full disk."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_is_one_line_and_leaves_a_journal_of_whole_lines(tmp_path: Path, room: int) -> None:
    path = tmp_path / "journal"
    write(path, 2)
    kept = path.read_bytes()
    with (
        limit_file_size(len(kept) + room),
        pytest.raises(InputError, match=r"journal: cannot be written \(File too large\); make room"),
        Journal(path, IDENTITY) as journal,
    ):
        journal.append(make_session([1000] * 100, 2))
    assert path.read_bytes() == kept


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "journal", IDENTITY)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written .*choose another folder"):
        Journal(tmp_path / "nowhere" / "journal", IDENTITY)
