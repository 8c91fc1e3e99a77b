from __future__ import annotations

from pathlib import Path

import pytest

from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.cache_contents import clear_cache, describe_cache
from latency_tables.errors import InputError
from latency_tables.scratch import owner_tag, scratch_folder

TABLE = "tables/tiny-onnxruntime-0123456789ab-quick.json"
JOURNAL = "journals/0123456789ab-0123456789ab-quick.jsonl"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache with two files of 10 bytes, beside a file of the user's."""
    for name in (TABLE, JOURNAL):
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 10)
    (tmp_path / "cache" / "notes.txt").write_text("mine")
    (tmp_path / "cache" / "tables" / "notes.txt").write_text("mine")
    return Cache(tmp_path / "cache")


def abandon(folder: Path) -> Path:
    """A folder that a process of this machine left which is gone."""
    path = folder / f"compofa-kit-{owner_tag().rpartition('-')[0]}-1.x"
    path.mkdir(parents=True)
    return path


def test_each_folder_is_described_with_its_files_and_size(cache: Cache) -> None:
    assert [(entry.kind, entry.files, entry.size_bytes) for entry in describe_cache(cache)] == [
        ("tables", 1, 10),
        ("journals", 1, 10),
    ]


def test_a_cache_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert describe_cache(Cache(tmp_path / "none")) == []
    assert clear_cache(Cache(tmp_path / "none")) == []


def test_clearing_keeps_what_is_not_the_caches_own(cache: Cache) -> None:
    (cache.folder / "tables" / "other-onnxruntime-0123456789ab-quick.json").symlink_to("/")
    assert [entry.kind for entry in clear_cache(cache)] == ["tables", "journals"]
    kept = [path.relative_to(cache.folder).as_posix() for path in cache.folder.rglob("*") if path.is_file()]
    assert sorted(kept) == ["notes.txt", "tables/notes.txt"]


def test_clearing_one_folder_keeps_the_others(cache: Cache) -> None:
    clear_cache(cache, ("journals",))
    assert sorted(path.name for path in cache.folder.iterdir()) == ["notes.txt", "tables"]


def test_an_unknown_folder_is_refused_and_nothing_is_removed(cache: Cache) -> None:
    with pytest.raises(InputError, match=r"no 'table'; it has tables, journals"):
        clear_cache(cache, ("tables", "table"))
    assert len(describe_cache(cache)) == 2


def test_what_killed_runs_left_is_counted_and_goes_with_the_next_run(cache: Cache) -> None:
    left = abandon(cache.kits())
    (left / "model").write_text("x")
    assert describe_cache(cache)[-1].abandoned == 1
    with scratch_folder("kit", cache.kits()) as used:
        assert list(cache.kits().iterdir()) == [used]
        assert describe_cache(cache)[-1].abandoned == 0
