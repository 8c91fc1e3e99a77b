"""The commit of the source: known in a checkout that has the package, and nowhere else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from compofa_deploy.training.source_commit import LENGTH, find_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def run_git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path):
    """A package in a checkout with one commit."""
    package = tmp_path / "checkout" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    run_git(package, "init", "-q")
    run_git(package, "add", ".")
    run_git(package, "commit", "-qm", "first")
    return package


def test_a_checkout_says_its_commit(package):
    assert find_commit(package) == run_git(package, "rev-parse", "HEAD")[:LENGTH]


def test_changes_since_the_commit_are_told(package):
    (package / "__init__.py").write_text("changed = True\n")
    assert find_commit(package) == run_git(package, "rev-parse", "HEAD")[:LENGTH] + "-changed"


def test_an_installed_package_within_another_checkout_has_none(package):
    installed = package / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    assert find_commit(installed) is None


def test_outside_of_a_checkout_there_is_none(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    assert find_commit(tmp_path) is None
