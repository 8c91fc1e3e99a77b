"""Temporary files and folders whose names say which process owns them, so that a later run can remove abandoned ones.

A process that is killed cannot clean up. The name of everything temporary therefore holds a tag: the machine and its
boot, the process, and when that process started. A tag whose process is gone marks an abandoned file or folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TAG = re.compile(r"(?P<host>[0-9a-f]{6})(?P<boot>[0-9a-f]{6})-(?P<pid>\d{1,10})-(?P<start>\d{1,20})")
PREFIX = "compofa-"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19
"""The place of a process's start time in /proc/PID/stat, counted behind the name (proc(5), field 22)."""


def owner_tag() -> str:
    """The tag of this process."""
    return f"{_host()}{_boot()}-{os.getpid()}-{_read_start(os.getpid()) or 0}"


def is_abandoned(name: str) -> bool:
    """Whether a name holds the tag of a process of this machine that is gone.

    A name without a tag, and one of another machine that shares the folder, is not abandoned.
    """
    found = TAG.search(name)
    if found is None or found["host"] != _host():
        return False
    if found["boot"] != _boot():
        return True
    pid = int(found["pid"])
    start = _read_start(pid)
    if start is not None:
        return start != int(found["start"])
    return not _is_running(pid)


@contextmanager
def scratch_folder(purpose: str, parent: Path | None = None) -> Iterator[Path]:
    """A temporary folder for the time of a block. Abandoned folders beside it are removed first.

    Args:
        purpose: One word for the folder's name, such as ``kit``.
        parent: The folder that it lies in; the system's folder for temporary files unless named.
    """
    folder = make_scratch(purpose, parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_scratch(purpose: str, parent: Path | None = None) -> Path:
    """A temporary folder that the caller removes. Abandoned folders beside it are removed first.

    Args:
        purpose: One word for the folder's name, such as ``kit``.
        parent: The folder that it lies in; the system's folder for temporary files unless named.

    Raises:
        OSError: The folder cannot be made.
    """
    place = Path(tempfile.gettempdir() if parent is None else parent)
    sweep(place, PREFIX)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-{owner_tag()}.", dir=place))


def sweep(place: Path, prefix: str) -> list[Path]:
    """Remove the abandoned files and folders of a folder whose names begin with ``prefix``.

    Only what belongs to this user is removed, and links are removed without being followed.

    Returns:
        What was removed.
    """
    removed = []
    for path in list_abandoned(place, prefix):
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def list_abandoned(place: Path, prefix: str) -> list[Path]:
    """The abandoned files and folders of a folder whose names begin with ``prefix``, sorted by name."""
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return []
    return [
        Path(place, name)
        for name in names
        if name.startswith(prefix) and is_abandoned(name) and _is_ours(Path(place, name))
    ]


def _is_ours(path: Path) -> bool:
    try:
        return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _boot() -> str:
    try:
        return hashlib.sha256(_BOOT_ID.read_bytes()).hexdigest()[:6]
    except OSError:
        return "0" * 6


def _read_start(pid: int) -> int | None:
    """When a process started, in the system's own unit; ``None`` where it is gone or the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[_START_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
