"""Putting files into a folder of this machine, all of them or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from latency_tables.errors import InputError
from latency_tables.files import read_umask
from latency_tables.scratch import owner_tag, sweep


def install_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a new or empty folder, which appears with all of them or not at all.

    A folder that holds exactly these files already is left as it is.

    Args:
        files: The content of each file, by its path within the folder.
        folder: The folder. Folders above it are made where they are missing.

    Raises:
        InputError: The folder holds something else, or cannot be written.
    """
    there = _list_files(folder)
    if there is not None and _holds(folder, there, files):
        return
    if there is not None and (not folder.is_dir() or folder.is_symlink() or any(folder.iterdir())):
        other = next((name for name in there if name not in files), "")
        raise InputError(
            f"{folder}: exists and holds something else{f' ({other})' if other else ''}; remove it, or install into a "
            "new folder"
        )
    staging = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent, f".{folder.name}.part-")
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-{owner_tag()}.", dir=folder.parent))
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        # mkdtemp makes a folder for its owner alone; an installed bundle has the rights of any new folder.
        staging.chmod(0o777 & ~read_umask())
        staging.rename(folder)
        staging = None
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room, or choose another folder"
        ) from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _list_files(folder: Path) -> list[str] | None:
    """The paths of the files in a folder, within it; ``None`` where there is nothing at all."""
    if not os.path.lexists(folder):
        return None
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def _holds(folder: Path, there: list[str], files: Mapping[str, bytes]) -> bool:
    if folder.is_symlink() or there != sorted(files):
        return False
    paths = [folder / name for name in files]
    if not all(path.is_file() and not path.is_symlink() for path in paths):
        return False
    return all(path.read_bytes() == content for path, content in zip(paths, files.values()))
