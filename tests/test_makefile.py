"""``make clean`` removes what the Makefile made and nothing of the user's; ``make check`` names tests that exist."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def clean(folder: Path, *settings: object) -> None:
    shutil.copy(ROOT / "Makefile", folder)
    subprocess.run(["make", "--silent", "clean", *map(str, settings)], cwd=folder, check=True)


def test_what_was_installed_and_built_is_removed(tmp_path: Path) -> None:
    for name in (".venv", ".venv-test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".installed").touch()
    (tmp_path / "build").mkdir()
    clean(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


def test_bundles_and_environments_of_the_user_stay(tmp_path: Path) -> None:
    own = [tmp_path / name for name in ("bundle", "results", "environment", ".venv")]
    for folder in own:
        folder.mkdir()
        (folder / "notes.txt").write_text("precious")
    clean(tmp_path, f"BUNDLE={own[1]}", f"VENV={own[2]}")
    clean(tmp_path)
    assert [(folder / "notes.txt").read_text() for folder in own] == ["precious"] * 4


def test_every_file_and_folder_of_slow_tests_exists() -> None:
    spec = importlib.util.spec_from_file_location("shared", ROOT / "tests" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    assert [name for name in shared.SLOW if not (ROOT / "tests" / name).exists()] == []
