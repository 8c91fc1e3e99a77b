"""The first lines that a device's Python reads, whatever its age."""

from __future__ import annotations

import ast
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from profilers.targets import agent_entry
from profilers.targets.agent_archive import pack_agent


def test_a_python_that_is_too_old_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 7, 2))
    assert agent_entry.explain_missing() == (
        "python 3.8 or newer is needed, and this is 3.7; name another with --python"
    )


def test_old_pythons_can_read_it() -> None:
    source = Path(agent_entry.__file__).read_text()
    ast.parse(source, feature_version=(3, 4))
    with tokenize.open(agent_entry.__file__) as file:
        strings = [token.string for token in tokenize.generate_tokens(file.readline)]
    assert not [string for string in strings if string.startswith(('f"', "f'"))]


def test_without_numpy_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "compofa-agent.pyz").write_bytes(pack_agent())
    # Without site-packages, there is no numpy.
    command = [sys.executable, "-S", "-E", str(tmp_path / "compofa-agent.pyz"), "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: numpy is missing for this python 3.")
    assert done.stderr.rstrip().endswith("install it there: pip install numpy")
    assert len(done.stderr.splitlines()) == 1


def test_with_all_that_it_needs_nothing_is_missing() -> None:
    assert agent_entry.explain_missing() == ""
