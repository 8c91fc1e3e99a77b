"""The latency tables that a search can use: those in the cache, and those that ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.tables.cache import Cache
from latency_tables.errors import CompofaError
from latency_tables.shipped import list_shipped
from latency_tables.table import LatencyTable


@dataclass(frozen=True, slots=True)
class TableListing:
    """Tables with their files, and the errors of the files that cannot be read."""

    folder: Path
    kept: tuple[tuple[Path, LatencyTable], ...]
    shipped: tuple[tuple[Path, LatencyTable], ...]
    broken: tuple[str, ...]


def list_tables(cache: Cache) -> TableListing:
    """Lists the tables in a cache and those that ship with the package.

    Args:
        cache: The cache whose tables are listed.
    """
    folder = cache.folder / "tables"
    kept, broken = _load(sorted(folder.glob("*.json")) if folder.is_dir() else [])
    shipped, also_broken = _load(list_shipped())
    return TableListing(folder, tuple(kept), tuple(shipped), (*broken, *also_broken))


def _load(paths: Sequence[Path]) -> tuple[list[tuple[Path, LatencyTable]], list[str]]:
    found: list[tuple[Path, LatencyTable]] = []
    broken: list[str] = []
    for path in paths:
        try:
            found.append((path, LatencyTable.load(path)))
        except CompofaError as error:
            broken.append(str(error))
    return found, broken
