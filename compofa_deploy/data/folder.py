"""Images in ImageNet's layout: a folder for each split, in it one for each class, in it files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compofa_deploy.data.encoded import EncodedImages
from latency_tables.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
"""What a file's name ends in, in lower case, if it is an image."""


def find_folders(folder: Path, test_names: Sequence[str]) -> tuple[Path, Path] | None:
    """The folders of the training images and of those for reporting, or None where one of them is not there."""
    test = next((folder / name for name in test_names if (folder / name).is_dir()), None)
    train = folder / "train"
    return (train, test) if test is not None and train.is_dir() else None


def list_folder(folder: Path) -> EncodedImages:
    """The images of a split, by class and name; a class is called as its folder is.

    :class:`InputError` where there are no classes, or a class has no images.
    """
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
    paths: list[Path | bytes] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(_list_images(folder / name))
        if not found:
            raise InputError(
                f"{folder / name}: has no images ({', '.join(SUFFIXES)}); add some, or remove the folder"
            )
        paths += found
        labels += [label] * len(found)
    if not classes:
        raise InputError(f"{folder}: has no folders of images; it needs one for each class")
    return EncodedImages(
        folder.name, paths, np.arange(len(paths)), np.array(labels, np.int64), tuple(classes)
    )


def _list_images(folder: Path) -> list[Path]:
    return [
        Path(base) / name
        for base, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(SUFFIXES) and name[0] != "."
    ]
