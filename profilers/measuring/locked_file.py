"""Locked files: a file that one process at a time appends to."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from latency_tables.errors import InputError

if TYPE_CHECKING:
    from io import FileIO

try:
    import fcntl
except ImportError:
    # Windows has no fcntl, and files are not locked there.
    fcntl = None  # type: ignore[assignment]


def open_locked(path: Path) -> FileIO:
    """Open a file to append to, without a buffer, and lock it until it is closed. It is made where there is none.

    The system frees the lock of a process that is gone. A file system that has no locks is used without.

    Raises:
        InputError: Another process holds the lock.
        OSError: The file cannot be opened.
    """
    while True:
        file = path.open("ab", buffering=0)
        try:
            _lock(file, path)
            if _is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        # Its holder moved or removed it while this process opened it.
        file.close()


def _lock(file: FileIO, path: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{path}: another run measures into it; wait until that one ends, or name another output"
        ) from None
    except OSError:
        return


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether an open file is the one at a path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
