"""Labelled images of a folder, split into what is trained on, what is looked at, and what is reported.

Small sets are decoded once and kept in memory as pixels; others stay encoded, and are decoded when they are asked for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.encoded import EncodedImages, SkippedImage, find_side
from compofa_deploy.data.folder import find_folders, list_folder
from compofa_deploy.data.parquet import find_parquet, read_parquet
from compofa_deploy.files.images import fit
from latency_tables.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MEMORY_BYTES = 4_000_000_000
"""Pixels of a split that are held in memory, at most."""

TEST_NAMES = ("test", "val", "validation", "valid")
"""What the split that is for reporting only may be called, in the order of preference."""

OnSkip: TypeAlias = Callable[[SkippedImage], None]


def _say_nothing(skipped: SkippedImage) -> None:
    pass


@dataclass(frozen=True)
class LabelledImages:
    """``pixels``: RGB (n, side, side, 3); ``labels``: (n,), indices into ``class_names``."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> LabelledImages:
        """Those images alone, in that order."""
        return LabelledImages(self.pixels[indices], self.labels[indices], self.class_names)

    def sample(self, count: int, rng: np.random.Generator) -> LabelledImages:
        """A random part of that many images, or all where there are no more, in the order in which they are."""
        return self.take(draw(len(self), count, rng))

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """Pixels (n, resolution, resolution, 3), resized the way a bundle does it."""
        if resolution == self.pixels.shape[1]:
            return self.pixels
        from PIL import Image

        return np.stack([fit(Image.fromarray(pixels), resolution) for pixels in self.pixels])


Images: TypeAlias = LabelledImages | EncodedImages


def draw(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` of the numbers below ``total``, ascending, or all where there are no more."""
    return np.sort(rng.choice(total, min(count, total), replace=False))


def decode(images: Images, side: int, on_skip: OnSkip = _say_nothing) -> LabelledImages:
    """Those in memory as they are; others as squares of ``side`` pixels, fitted the way a bundle does it, without the
    ones that cannot be decoded. What is too much for the memory lies in a temporary file. :class:`InputError` where
    not one can be decoded, or there is no room."""
    if isinstance(images, LabelledImages):
        return images
    return _gather(images, side, lambda image: fit(image, side), on_skip)


def hold(images: EncodedImages, on_skip: OnSkip = _say_nothing) -> Images:
    """The images decoded where all are of one square size and fit into memory, without those that cannot be; else as
    they are. :class:`InputError` where they should be, and not one can be decoded."""
    side = find_side(images)
    if side is None or len(images) * side * side * 3 > MEMORY_BYTES:
        return images
    told: list[SkippedImage] = []

    def take(image: Image) -> NDArray[np.uint8]:
        if image.size != (side, side):
            raise _OtherSizeError
        return np.asarray(image)

    try:
        held = _gather(images, side, take, told.append)
    except _OtherSizeError:
        return images
    for skipped in told:
        on_skip(skipped)
    return held


class _OtherSizeError(Exception):
    """An image is not of the size that those before it were."""


def _gather(
    images: EncodedImages, side: int, finish: Callable[[Image], NDArray[np.uint8]], on_skip: OnSkip
) -> LabelledImages:
    """What ``finish`` makes of the images, squares of ``side`` pixels, without those that cannot be decoded."""
    pixels = _allocate((len(images), side, side, 3))
    kept: list[int] = []
    for index, made in images.decode(finish, on_skip):
        pixels[len(kept)] = made
        kept.append(index)
    return LabelledImages(pixels[: len(kept)], images.labels[kept], images.class_names)


def _allocate(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Room for pixels: in memory, or in a temporary file that is gone with the last array that lies in it."""
    size = int(np.prod(shape))
    if size <= MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as file:
        try:
            # A file with holes would end the process where the disk turns out to be full.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                os.truncate(file.fileno(), size)
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: has no room for {size / 1e9:.1f} GB of pixels ({error.strerror}); set "
                "TMPDIR to a folder that has"
            ) from None
        return np.memmap(file, np.uint8, "r+", shape=shape)


@dataclass(frozen=True)
class DataSplits:
    """``train`` and ``validation`` are parts of the published training set; ``test`` is for reporting only. Of those
    that are trained on a few are wanted at most, so they may still be encoded."""

    train: Images
    validation: LabelledImages
    test: LabelledImages


@dataclass(frozen=True)
class Splits:
    """The same three, decoded or not."""

    train: Images
    validation: Images
    test: Images


def open_splits(
    folder: Path,
    validation_images: int,
    seed: int,
    training_images: int | None = None,
    on_skip: OnSkip = _say_nothing,
) -> Splits:
    """The splits of a folder, with the last ``validation_images`` of a seeded permutation of its training images held
    out, and of the rest no more than ``training_images``.

    The folder has ``train`` and ``test`` (or ``val``) as Parquet, one file or several, as on the Hugging Face hub; or
    as folders with one folder of images for each class, as ImageNet. Images that cannot be decoded are left out and
    told where they are decoded now. :class:`InputError` where the folder has neither, or the splits do not fit.
    """
    splits = _list_parquet(folder) or _list_folders(folder)
    if splits is None:
        raise InputError(
            f"{folder}: needs train.parquet and test.parquet (or val.parquet), or the folders train and val with one "
            "folder of images for each class; give the folder that has them"
        )
    everything, test = splits
    if everything.class_names != test.class_names:
        only = sorted(set(everything.class_names) ^ set(test.class_names)) or ["their order"]
        raise InputError(
            f"{folder}: train and {test.name} differ in their classes ({', '.join(only[:3])}); give both the same"
        )
    shown = hold(everything, on_skip)
    if not 0 < validation_images < len(shown):
        raise InputError(f"{validation_images} validation images cannot be held out of {len(shown)}")
    order = np.random.default_rng(seed).permutation(len(shown))
    train = order[:-validation_images]
    return Splits(
        shown.take(train if training_images is None else train[:training_images]),
        shown.take(order[-validation_images:]),
        hold(test, on_skip),
    )


def load_splits(
    folder: Path, validation_images: int, seed: int, side: int = 224, on_skip: OnSkip = _say_nothing
) -> DataSplits:
    """The splits of :func:`open_splits`, with what is evaluated on decoded in whole: what was not small enough to be
    decoded at once, as squares of ``side`` pixels."""
    splits = open_splits(folder, validation_images, seed, None, on_skip)
    validation, test = (decode(part, side, on_skip) for part in (splits.validation, splits.test))
    return DataSplits(splits.train, validation, test)


def _list_parquet(folder: Path) -> tuple[EncodedImages, EncodedImages] | None:
    test = next((found for found in (find_parquet(folder, name) for name in TEST_NAMES) if found), None)
    train = find_parquet(folder, "train")
    return (read_parquet(train), read_parquet(test)) if train and test else None


def _list_folders(folder: Path) -> tuple[EncodedImages, EncodedImages] | None:
    found = find_folders(folder, TEST_NAMES)
    return None if found is None else (list_folder(found[0]), list_folder(found[1]))
