"""Each published checkpoint has its address and steps, and a file of its name is checked against its hash."""

import hashlib
import shlex
from dataclasses import replace

import pytest

from compofa_deploy.space.named_architectures import ARCHITECTURES
from compofa_deploy.supernet import published
from compofa_deploy.supernet.published import PUBLISHED, check_published, hash_file
from latency_tables.errors import FormatError, InputError

ENTRIES = pytest.mark.parametrize("entry", PUBLISHED.values(), ids=lambda entry: entry.file)


@ENTRIES
def test_an_entry_is_of_an_architecture_that_there_is_and_says_how_to_get_it(entry):
    assert entry.architecture in ARCHITECTURES
    assert PUBLISHED[entry.file] is entry
    fetch, *_, imported = map(shlex.split, entry.steps())
    assert fetch[-1].startswith("https://")
    assert fetch[-1].endswith(f"/{entry.file}")
    assert imported[:4] == ["compofa", "models", "import", fetch[3]]


@ENTRIES
def test_a_hash_that_is_stated_is_one_and_is_among_the_steps(entry):
    checks = [step for step in entry.steps() if "sha256sum" in step]
    assert len(checks) == bool(entry.sha256)
    if entry.sha256:
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.sha256 in checks[0]


def test_a_file_of_another_hash_is_refused_under_a_published_name(tmp_path, monkeypatch):
    path = tmp_path / "net.pth"
    path.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    entry = replace(next(iter(PUBLISHED.values())), file="net.pth", sha256=right)
    monkeypatch.setattr(published, "PUBLISHED", {"net.pth": entry})
    assert check_published(path, hash_file(path)) is entry
    path.write_bytes(b"weighty")
    with pytest.raises(
        FormatError, match=rf"net\.pth: its sha256 is {hash_file(path)}, and the file .* has {right}; fetch"
    ):
        check_published(path, hash_file(path))
    assert check_published(tmp_path / "own.pth", hash_file(path)) is None


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pth: there is no such file"):
        hash_file(tmp_path / "none.pth")
