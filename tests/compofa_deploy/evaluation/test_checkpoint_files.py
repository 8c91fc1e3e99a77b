"""What a finished evaluation removes is its own."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from compofa_deploy.evaluation.checkpoint_files import remove_partial


def test_only_the_files_of_one_evaluation_are_removed(tmp_path: Path) -> None:
    own = ["[ab].json.partial", "[ab].json.partial.1", "[ab].json.partial.12"]
    others = ["[ab].json.partial.txt", "[ab].json.partial-notes", "a.json.partial.1", "[ab].json"]
    for name in own + others:
        (tmp_path / name).touch()
    remove_partial(tmp_path / own[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
