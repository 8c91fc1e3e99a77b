"""Accuracy tables that are kept beside a supernet's file, as ``NAME.accuracy.json``."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.accuracy.by_precision import SUFFIX, AccuraciesByPrecision
from compofa_deploy.accuracy.source import is_foreign
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.supernet.stored import built_in_folder
from latency_tables.errors import InputError

SUPERNET_SUFFIX = ".safetensors"


def find_accuracy_table(path: Path | None, supernet: str | Path) -> AccuracyTable | None:
    """Finds the accuracy table that is named, or else the one beside the supernet.

    Args:
        path: The table's file, or ``None`` for the one beside the supernet.
        supernet: The supernet's file, or the name of one that ships.

    Returns:
        The table, or ``None`` where no table is named and none is beside the supernet.

    Raises:
        InputError: The file does not exist, or belongs to no supernet of this project.
        FormatError: The file is not an accuracy table.
    """
    if is_foreign(path):
        raise InputError(
            f"{path}: is of no supernet of ours, and compofa search alone takes it; name the table that compofa "
            "evaluate wrote"
        )
    beside = place_beside(supernet)
    if path is None and not beside.exists():
        return None
    return AccuracyTable.load(path or beside)


def load_accuracy_table(path: Path | None, supernet: str | Path) -> AccuracyTable:
    """Loads the accuracy table that is named, or else the one beside the supernet.

    Args:
        path: The table's file, or ``None`` for the one beside the supernet.
        supernet: The supernet's file, or the name of one that ships.

    Raises:
        InputError: There is no such table, or it belongs to no supernet of this project.
        FormatError: The file is not an accuracy table.
    """
    found = find_accuracy_table(path, supernet)
    if found is None:
        raise InputError(
            f"{place_beside(supernet)}: there is no accuracy table; make one with compofa evaluate, or name one with "
            "--accuracy"
        )
    return found


def find_by_precision(path: Path | None, supernet: str | Path) -> AccuraciesByPrecision | None:
    """Finds the accuracies of a supernet in float32 and in each lower precision that was measured.

    Args:
        path: The float32 table's file, or ``None`` for the one beside the supernet.
        supernet: The supernet's file, or the name of one that ships.

    Returns:
        The accuracies, or ``None`` where no table is named and none is beside the supernet.

    Raises:
        InputError: The file does not exist, or belongs to no supernet of this project.
        FormatError: A file is not an accuracy table.
        MismatchError: A table beside it has other weights or other images.
    """
    found = find_accuracy_table(path, supernet)
    return None if found is None else AccuraciesByPrecision.beside(found, path or place_beside(supernet))


def load_by_precision(path: Path | None, supernet: str | Path) -> AccuraciesByPrecision:
    """Loads the accuracies of a supernet in float32 and in each lower precision that was measured.

    Args:
        path: The float32 table's file, or ``None`` for the one beside the supernet.
        supernet: The supernet's file, or the name of one that ships.

    Raises:
        InputError: There is no such table, or it belongs to no supernet of this project.
        FormatError: A file is not an accuracy table.
        MismatchError: A table beside it has other weights or other images.
    """
    return AccuraciesByPrecision.beside(load_accuracy_table(path, supernet), path or place_beside(supernet))


def place_beside(supernet: str | Path) -> Path:
    """Returns the path of the accuracy table that belongs beside a supernet.

    >>> place_beside("runs/net.safetensors").as_posix()
    'runs/net.accuracy.json'

    Args:
        supernet: The supernet's file, or the name of one that ships.
    """
    path = Path(supernet) if str(supernet).endswith(SUPERNET_SUFFIX) else built_in_folder() / supernet
    return Path(f"{str(path).removesuffix(SUPERNET_SUFFIX)}{SUFFIX}")
