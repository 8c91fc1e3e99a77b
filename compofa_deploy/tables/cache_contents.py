"""What the cache folder holds, and clearing it."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.tables.cache import Cache
from latency_tables.errors import InputError
from latency_tables.scratch import PREFIX, TAG, is_abandoned

KINDS = {
    "tables": "latency tables of this machine",
    "journals": "journals of runs that can go on",
    "kits": "kits of runs, removed when a run ends",
    "remote": "the agent, kits and journals for other machines that measure here",
}
"""The folders within the cache, and what each of them holds."""
_OURS = {
    "tables": re.compile(r".+-[0-9a-f]{12}-[a-z]+\.json"),
    "journals": re.compile(r"[0-9a-f]{1,12}-[0-9a-f]{12}-[a-z-]+\.jsonl(\..+)?"),
    # Earlier releases gave kits the plain names of temporary folders.
    "kits": re.compile(rf"{PREFIX}kit-{TAG.pattern}\..+|tmp[a-z0-9_]{{8}}"),
    "remote": re.compile(r".+-[0-9a-f]{12,64}"),
}
"""The names that entries of each folder have. Whatever else lies there is the user's, and stays."""


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """One folder within the cache.

    Attributes:
        kind: Its name, one of :data:`KINDS`.
        what: What it holds.
        files: How many files it holds.
        size_bytes: Their size.
        abandoned: How many of its entries a killed run left.
    """

    kind: str
    what: str
    files: int
    size_bytes: int
    abandoned: int


def describe_cache(cache: Cache) -> list[CacheFolder]:
    """The folders of a cache that exist, in the order of :data:`KINDS`."""
    found = []
    for kind, what in KINDS.items():
        entries = _list_entries(cache.folder / kind)
        if entries:
            sizes = [size for entry in entries for size in _list_sizes(entry)]
            abandoned = sum(is_abandoned(entry.name) for entry in entries)
            found.append(CacheFolder(kind, what, len(sizes), sum(sizes), abandoned))
    return found


def clear_cache(cache: Cache, kinds: tuple[str, ...] = ()) -> list[CacheFolder]:
    """Remove what a cache holds. Files that are not the cache's own by their names stay.

    Args:
        cache: The cache.
        kinds: The folders to clear; all where none is named.

    Returns:
        What was removed.

    Raises:
        InputError: There is no such folder, or one cannot be removed.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InputError(f"the cache has no {unknown[0]!r}; it has {', '.join(KINDS)}")
    removed = [entry for entry in describe_cache(cache) if not kinds or entry.kind in kinds]
    for entry in removed:
        for path in _list_entries(cache.folder / entry.kind):
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError as error:
                raise InputError(f"{path}: cannot be removed ({error.strerror}); remove it by hand") from None
        with suppress(OSError):
            (cache.folder / entry.kind).rmdir()
    return removed


def _list_entries(folder: Path) -> list[Path]:
    """The entries of a folder that are the cache's own by their names; links are none of them."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in paths if _OURS[folder.name].fullmatch(path.name) and not path.is_symlink()]


def _list_sizes(entry: Path) -> list[int]:
    """The sizes of a file, or of all files within a folder, in bytes."""
    paths = [entry] if entry.is_file() else [path for path in entry.rglob("*") if not path.is_dir()]
    return [path.lstat().st_size for path in paths]
