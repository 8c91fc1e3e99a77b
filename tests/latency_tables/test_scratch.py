"""Temporary folders go with the block that made them; those of killed processes go with the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latency_tables import scratch
from latency_tables.scratch import TAG, is_abandoned, make_scratch, owner_tag, scratch_folder, sweep

ROOT = Path(__file__).resolve().parents[2]
MAKE_AND_WAIT = """
import sys, time
from pathlib import Path
from latency_tables.scratch import make_scratch
folder = make_scratch("kit", Path(sys.argv[1]))
(folder / "model").write_text("x")
print(folder, flush=True)
time.sleep(60)
"""


def test_a_folder_lasts_as_long_as_its_block(tmp_path: Path) -> None:
    with scratch_folder("kit", tmp_path) as folder:
        (folder / "model").write_text("x")
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch_folder("kit", tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_running_process_stays_and_that_of_a_killed_one_goes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        assert sweep(tmp_path, "compofa-") == []
        assert left.is_dir()
        process.send_signal(signal.SIGKILL)
    with scratch_folder("kit", tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_process_that_has_the_number_of_a_killed_one_does_not_own_its_folder() -> None:
    found = TAG.fullmatch(owner_tag())
    assert found is not None
    earlier = f"{found['host']}{found['boot']}-{found['pid']}-{int(found['start']) + 1}"
    assert is_abandoned(f"compofa-kit-{earlier}.x")
    assert not is_abandoned(f"compofa-kit-{owner_tag()}.x")


def test_a_folder_from_before_a_reboot_is_abandoned_and_one_of_another_machine_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"compofa-kit-{owner_tag()}.x"
    monkeypatch.setattr(scratch, "_boot", lambda: "ffffff")
    assert is_abandoned(name)
    monkeypatch.setattr(scratch, "_host", lambda: "ffffff")
    assert not is_abandoned(name)


def test_the_files_of_others_are_not_touched(tmp_path: Path) -> None:
    dead = owner_tag().rpartition("-")[0] + "-1"
    kept = [tmp_path / "compofa-kit-abc", tmp_path / f"other-{dead}.x", tmp_path / "notes.txt"]
    for path in kept:
        path.write_text("x")
    (tmp_path / f"compofa-kit-{dead}.x").mkdir()
    assert [path.name for path in sweep(tmp_path, "compofa-")] == [f"compofa-kit-{dead}.x"]
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "notes.txt").write_text("x")
    os.symlink(tmp_path / "target", tmp_path / f"compofa-kit-{owner_tag().rpartition('-')[0]}-1.x")
    assert len(sweep(tmp_path, "compofa-")) == 1
    assert (tmp_path / "target" / "notes.txt").read_text() == "x"


def test_a_folder_that_cannot_be_listed_has_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none", "compofa-") == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        make_scratch("kit", tmp_path / "none")
