"""The files in which the processes of an evaluation keep what is done: one each, read by all when they go on."""

from __future__ import annotations

import glob
from pathlib import Path

from compofa_deploy.evaluation.checkpoint import Done, Partial
from compofa_deploy.torch_process.distributed import Ranks


def open_partial(path: Path | None, key: list[str], ranks: Ranks) -> Partial:
    """This process's own: the first's has the name itself, and each further one adds its number."""
    return Partial(_name(path, ranks.rank), key)


def read_others(path: Path | None, key: list[str], ranks: Ranks) -> list[Done]:
    """What other processes kept, of this run or of one before with more of them."""
    own = _name(path, ranks.rank)
    return [] if path is None else [Partial(other, key).read() for other in _list(path) if other != own]


def remove_partial(path: Path) -> None:
    """Remove what was kept, by any process."""
    for kept in _list(path):
        kept.unlink(missing_ok=True)


def _name(path: Path | None, rank: int) -> Path | None:
    return path if path is None or rank == 0 else path.with_name(f"{path.name}.{rank}")


def _list(path: Path) -> list[Path]:
    folder = path.parent
    further = folder.glob(f"{glob.escape(path.name)}.*") if folder.is_dir() else []
    return [path, *sorted(other for other in further if other.suffix[1:].isdigit())]
