"""Images in ImageNet's layout: a folder for each split, in it a folder for each class, in it files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from compofa_deploy.data.account import PassedOverCounter
from compofa_deploy.data.classes import UnlabelledError, order_names
from compofa_deploy.data.encoded import EncodedImages
from compofa_deploy.files.images import SUFFIXES
from latency_tables.errors import InputError

COPIES = ("@eaDir", "__MACOSX")
"""Folders that a storage system or an archive puts beside the images, with copies of them."""

HIDDEN = "hidden files and folders"
OTHER_FILES = f"files whose names end in none of {' '.join(SUFFIXES)}"
LOOSE_FILES = "files outside of the classes' folders"
LISTED_TWICE = "links to what is listed already"
BROKEN_LINKS = "links that lead nowhere"


def find_folder(folder: Path, split: str) -> list[Path]:
    """The folder of a split, if there is one."""
    return [folder / split] if (folder / split).is_dir() else []


def list_folder(folder: Path) -> EncodedImages:
    """List the images of a split, by class and name. A class has the name of its folder.

    Every real folder and every linked file is listed once, however many links lead to it. Hidden files and folders
    are passed over.

    Raises:
        UnlabelledError: There are no folders of classes.
        InputError: A class has no images.
    """
    passed_over = PassedOverCounter()
    names: list[str] = []
    for entry in os.scandir(folder):
        if _is_hidden(entry.name):
            passed_over.add(HIDDEN, entry.path)
        elif entry.is_dir():
            names.append(entry.name)
        else:
            passed_over.add(LOOSE_FILES, entry.path)
    if not names:
        raise UnlabelledError(f"{folder}: has no folders of images; it needs one for each class")
    names = order_names(names)
    listed = _ClassLister(folder, names, passed_over).list_images()
    paths: list[Path | bytes] = []
    labels: list[int] = []
    # Which images are held out depends on their order, which is the alphabetical one of the folders.
    for name in sorted(names):
        found = sorted(listed[name])
        if not found:
            raise InputError(
                f"{folder / name}: has no images ({', '.join(SUFFIXES)}); add some, or remove the folder"
            )
        paths += found
        labels += [names.index(name)] * len(found)
    rows, classes = np.arange(len(paths)), np.array(labels, np.int64)
    return EncodedImages(folder.name, paths, rows, classes, tuple(names), passed_over.list_kinds())


class _ClassLister:
    """Walks the folders of all classes: real folders and files first, and links after them."""

    def __init__(self, folder: Path, names: Sequence[str], passed_over: PassedOverCounter) -> None:
        self._folder, self._names, self._passed_over = folder, names, passed_over
        self._images: dict[str, list[Path]] = {name: [] for name in names}
        self._seen: set[tuple[int, int]] = {_identify(folder)}
        self._links: list[tuple[str, Path]] = []

    def list_images(self) -> dict[str, list[Path]]:
        """The paths of the images of each class."""
        for name in self._names:
            path = self._folder / name
            if path.is_symlink():
                self._links.append((name, path))
            else:
                self._walk(name, path)
        while self._links:
            name, path = self._links.pop(0)
            if not path.exists():
                self._passed_over.add(BROKEN_LINKS, path)
            elif _identify(path) in self._seen:
                self._passed_over.add(LISTED_TWICE, path)
            elif path.is_dir():
                self._walk(name, path)
            else:
                self._seen.add(_identify(path))
                self._images[name].append(path)
        return self._images

    def _walk(self, name: str, folder: Path) -> None:
        if _identify(folder) in self._seen:
            self._passed_over.add(LISTED_TWICE, folder)
            return
        self._seen.add(_identify(folder))
        device = folder.stat().st_dev
        for entry in self._scan(folder):
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                self._walk(name, path)
            elif not entry.is_dir() and not entry.name.lower().endswith(SUFFIXES):
                self._passed_over.add(OTHER_FILES, path)
            elif entry.is_symlink():
                self._links.append((name, path))
            else:
                self._seen.add((device, entry.inode()))
                self._images[name].append(path)

    def _scan(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if _is_hidden(entry.name):
                self._passed_over.add(HIDDEN, entry.path)
            else:
                yield entry


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in COPIES


def _identify(path: Path) -> tuple[int, int]:
    """The device and inode of what a path leads to."""
    status = path.stat()
    return status.st_dev, status.st_ino
