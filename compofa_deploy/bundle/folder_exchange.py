"""A whole new folder in the place of an older one, so that a kill at any moment loses neither."""

from __future__ import annotations

import ctypes
import glob
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from latency_tables.scratch import TAG

SET_ASIDE = "old"
"""The name of the older folder inside the staging folder, while the new one takes its place."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def move_into_place(new: Path, place: Path) -> Path | None:
    """Move a new folder to its place.

    The two folders are exchanged atomically where the system can (``renameat2`` of Linux). Elsewhere the older one is
    first set aside beside ``new``; where the process is killed then, :func:`restore_folder` puts it back.

    Args:
        new: The new folder, alone in a staging folder whose parent is that of ``place``.
        place: Where it goes: nothing is there, or an empty folder, or an older folder.

    Returns:
        Where the older folder is now; None where there was none, or an empty one.

    Raises:
        OSError: A move failed. The older folder is at its place.
    """
    if not place.exists() or not any(place.iterdir()):
        new.rename(place)
        return None
    if _exchange(new, place):
        return new
    aside = new.with_name(SET_ASIDE)
    try:
        place.rename(aside)
        new.rename(place)
    except BaseException:
        if aside.exists() and not place.exists():
            aside.rename(place)
        raise
    return aside


def restore_folder(place: Path, holds: str) -> None:
    """Put back a folder that :func:`move_into_place` set aside before it was killed, where nothing is at its place.

    Args:
        place: Where the folder was.
        holds: The name of a file that the folder must hold; others are left alone.
    """
    if os.path.lexists(place):
        return
    for aside in sorted(place.parent.glob(f".{glob.escape(place.name)}.*/{SET_ASIDE}")):
        if TAG.search(aside.parent.name) and (aside / holds).is_file():
            # Where nothing can be written, nothing can be put back either.
            with suppress(OSError):
                aside.rename(place)
                return


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically; False where the system or the file system cannot."""
    rename = _find_renameat2()
    if rename is None:
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def _find_renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The function ``renameat2`` of the C library, where it has one."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    rename.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    rename.restype = ctypes.c_int
    found: Callable[[int, bytes, int, bytes, int], int] = rename
    return found
