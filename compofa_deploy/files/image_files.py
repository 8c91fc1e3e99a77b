"""The image files that a user names, one by one or by their folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compofa_deploy.files.images import SUFFIXES
from latency_tables.errors import InputError


def list_image_files(paths: Iterable[Path]) -> list[Path]:
    """Lists image files: files as they are, and the images of each folder, also of those within it, by name.

    Hidden files and folders, and files with other endings, are left out of a folder.

    Args:
        paths: Files and folders.

    Raises:
        InputError: A folder has no images.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        images = sorted(file for file in path.rglob("*") if _is_image(file.relative_to(path), file))
        if not images:
            raise InputError(f"{path}: has no images; these end in {', '.join(SUFFIXES)}")
        found += images
    return found


def _is_image(name: Path, file: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and name.suffix.lower() in SUFFIXES and file.is_file()
