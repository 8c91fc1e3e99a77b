"""A model in memory, and its files on a disk."""

from __future__ import annotations

from pathlib import Path

from profilers.measuring.model_files import ModelFiles
from profilers.measuring.open_model import read_model


def test_what_was_written_is_read_again_with_its_hashes(tmp_path: Path) -> None:
    for files in (ModelFiles(b"a graph"), ModelFiles(b"a graph", b"its weights")):
        assert read_model(files.write(tmp_path).to_request()) == (files.model, files.weights)


def test_two_models_lie_beside_each_other(tmp_path: Path) -> None:
    old, new = ModelFiles(b"old", b"1"), ModelFiles(b"new", b"2")
    paths = [files.write(tmp_path, name) for files, name in ((old, "old"), (new, "new"))]
    assert [read_model(path.to_request())[0] for path in paths] == [b"old", b"new"]


def test_the_digest_tells_where_one_file_ends_and_the_other_begins() -> None:
    assert ModelFiles(b"ab", b"c").digest != ModelFiles(b"a", b"bc").digest
    assert ModelFiles(b"ab", b"c").digest == ModelFiles(b"ab", b"c", (1, 3, 8, 8)).digest
