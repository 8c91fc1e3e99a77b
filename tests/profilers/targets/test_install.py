"""Files are put into a folder all together, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from latency_tables.errors import InputError
from profilers.targets.install import install_files

FILES = {"model.onnx": b"a model", "deployment.json": b"{}"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    install_files(FILES, tmp_path / "bundle")
    assert {path.name: path.read_bytes() for path in (tmp_path / "bundle").iterdir()} == FILES


@pytest.mark.parametrize("there", ["notes.txt", "src/main.py"])
def test_a_users_own_file_is_named_and_nothing_is_changed(tmp_path: Path, there: str) -> None:
    own = tmp_path / "bundle" / there
    own.parent.mkdir(parents=True)
    own.write_text("a user's own")
    with pytest.raises(InputError, match=rf"holds something else \({there}\); remove it"):
        install_files(FILES, tmp_path / "bundle")
    assert own.read_text() == "a user's own"
    assert os.listdir(tmp_path) == ["bundle"]


@pytest.mark.parametrize("target", ["a file", "nowhere"])
def test_a_file_or_a_link_in_its_place_is_refused(tmp_path: Path, target: str) -> None:
    place = tmp_path / "bundle"
    if target == "a file":
        place.write_text("a user's own")
    else:
        place.symlink_to(tmp_path / target)
    with pytest.raises(InputError, match="exists and holds something else"):
        install_files(FILES, place)
    assert place.is_symlink() or place.read_text() == "a user's own"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); make room"):
        install_files(FILES, tmp_path / "bundle")
    assert os.listdir(tmp_path) == []


def test_others_may_read_what_was_installed_as_they_may_any_new_folder(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    install_files(FILES, tmp_path / "bundle")
    assert (tmp_path / "bundle").stat().st_mode == (tmp_path / "usual").stat().st_mode
