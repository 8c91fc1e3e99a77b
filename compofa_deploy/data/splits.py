"""The splits of a folder of labelled images: for training, for validation, and for reporting.

Small sets are decoded once and kept in memory as pixels. Others stay encoded, and are decoded on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.data.account import Account
from compofa_deploy.data.classes import UnlabelledError, align_classes
from compofa_deploy.data.decode import OnSkip, decode, hold, say_nothing
from compofa_deploy.data.encoded import EncodedImages
from compofa_deploy.data.folder import find_folder, list_folder
from compofa_deploy.data.labelled import Images, ReadableImages
from compofa_deploy.data.parquet import read_parquet
from compofa_deploy.data.shards import find_parquet
from latency_tables.errors import InputError, MismatchError

TRAIN = "train"

TEST_NAMES = ("test", "val", "validation", "valid")
"""The names that the split for reporting may have, in the order of preference."""


@dataclass(frozen=True)
class Splits:
    """The images of a data set, some of them still encoded.

    Attributes:
        train: The images to train and calibrate on.
        validation: The images that were held out of the published training set.
        test: The images that are for reporting only.
        accounts: The images that each split has, and the files that were passed over.
    """

    train: Images
    validation: Images
    test: Images
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True)
class DataSplits:
    """The images of a data set, those for evaluation without any that cannot be decoded.

    Attributes:
        train: The images to calibrate on, some of them still encoded.
        validation: The images that were held out of the published training set.
        test: The images that are for reporting only.
        accounts: The images that each split has, and the files that were passed over.
    """

    train: Images
    validation: ReadableImages
    test: ReadableImages
    accounts: tuple[Account, ...] = ()


def open_splits(
    folder: Path,
    validation_images: int,
    seed: int,
    training_images: int | None = None,
    on_skip: OnSkip = say_nothing,
    test_split: str = "",
) -> Splits:
    """Open the splits of a folder, and hold validation images out of the training images.

    The folder has ``train`` and ``test`` (or ``val``) as Parquet, one file or several, as on the Hugging Face hub; or
    as folders with one folder of images for each class, as ImageNet. A test split without labels is passed over for
    the next one that has labels.

    Args:
        folder: The folder of the data set.
        validation_images: How many training images are held out: the last of a seeded permutation.
        seed: The seed of that permutation.
        training_images: The most training images that are kept of the rest.
        on_skip: Called with each image that cannot be decoded, where images are decoded now.
        test_split: The name of the split for reporting; the first of ``TEST_NAMES`` where it is empty.

    Raises:
        InputError: The folder has no such splits, or they differ in their classes, or there are too few images.
    """
    everything, test, test_name, note = _read_splits(folder, test_split)
    try:
        test = align_classes(test, everything.class_names, "the training set")
    except MismatchError:
        only = sorted(set(everything.class_names) ^ set(test.class_names))
        raise InputError(
            f"{folder}: train and {test.name} differ in their classes ({', '.join(only[:3])}); give both the same"
        ) from None
    accounts = (_account(everything, TRAIN), _account(test, test_name, note))
    shown = hold(everything, on_skip)
    if not 0 < validation_images < len(shown):
        raise InputError(f"{validation_images} validation images cannot be held out of {len(shown)}")
    order = np.random.default_rng(seed).permutation(len(shown))
    train = order[:-validation_images]
    return Splits(
        shown.take(train if training_images is None else train[:training_images]),
        shown.take(order[-validation_images:]),
        hold(test, on_skip),
        accounts,
    )


def load_splits(
    folder: Path, validation_images: int, seed: int, on_skip: OnSkip = say_nothing, test_split: str = ""
) -> DataSplits:
    """Open splits as :func:`open_splits` does, and leave out the images for evaluation that cannot be decoded.

    Args:
        folder: The folder of the data set.
        validation_images: How many training images are held out.
        seed: The seed of the permutation that chooses them.
        on_skip: Called with each image that cannot be decoded.
        test_split: The name of the split for reporting; the first of ``TEST_NAMES`` where it is empty.
    """
    splits = open_splits(folder, validation_images, seed, None, on_skip, test_split)
    validation, test = (decode(part, on_skip) for part in (splits.validation, splits.test))
    return DataSplits(splits.train, validation, test, splits.accounts)


@dataclass(frozen=True)
class _Layout:
    """A way to keep splits in a folder: how the files of one are found, and read."""

    find: Callable[[Path, str], list[Path]]
    read: Callable[[Sequence[Path], Sequence[str]], EncodedImages]


LAYOUTS = (
    _Layout(find_parquet, read_parquet),
    _Layout(find_folder, lambda paths, class_names: list_folder(paths[0])),
)


def _read_splits(folder: Path, test_split: str) -> tuple[EncodedImages, EncodedImages, str, str]:
    """The training set, the split for reporting with its name, and a note on the choice of that split."""
    names = (test_split,) if test_split else TEST_NAMES
    for layout in LAYOUTS:
        train = layout.find(folder, TRAIN)
        tests = [(name, paths) for name in names if train and (paths := layout.find(folder, name))]
        if tests:
            everything = layout.read(train, ())
            return everything, *_read_labelled(layout, tests, everything.class_names)
    if test_split:
        raise InputError(
            f"{folder}: has no split {test_split} beside train; give --test-split the name of one that is there"
        )
    raise InputError(
        f"{folder}: needs train.parquet and test.parquet (or val.parquet), or the folders train and val with one "
        "folder of images for each class; give the folder that has them"
    )


def _read_labelled(
    layout: _Layout, tests: Sequence[tuple[str, list[Path]]], class_names: Sequence[str]
) -> tuple[EncodedImages, str, str]:
    """The first of these splits that has labels, its name, and a note on the choice."""
    unlabelled: list[str] = []
    for name, paths in tests:
        try:
            images = layout.read(paths, class_names)
        except UnlabelledError as error:
            unlabelled.append(name)
            reason = error
            continue
        note = f"{' and '.join(unlabelled)} has no labels, so {name} is used" if unlabelled else ""
        return images, name, note
    raise InputError(f"{reason}; give --test-split the name of a split that has labels")


def _account(images: EncodedImages, split: str, note: str = "") -> Account:
    return Account(split, len(images), len(images.class_names), images.passed_over, note)
