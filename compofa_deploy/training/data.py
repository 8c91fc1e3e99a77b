"""Labelled images of a folder, split into what is trained on, what is looked at, and what is reported.

Small sets are decoded once and kept in memory as pixels; others stay encoded, and are decoded when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.images import fit
from compofa_deploy.training.encoded import EncodedImages, SkippedImage, find_side
from compofa_deploy.training.folder import find_folders, list_folder
from compofa_deploy.training.parquet import find_parquet, read_parquet
from latency_tables.errors import InputError

MEMORY_BYTES = 4_000_000_000
"""Pixels of a split that are kept in memory, at most."""

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
    ones that cannot be decoded. :class:`InputError` where not one can be."""
    if isinstance(images, LabelledImages):
        return images
    pixels, kept = images.decode(lambda image: fit(image, side), on_skip)
    return LabelledImages(np.stack(pixels), images.labels[kept], images.class_names)


def hold(images: EncodedImages, on_skip: OnSkip = _say_nothing) -> Images:
    """The images decoded where all are of one square size and fit into memory, without those that cannot be; else as
    they are. :class:`InputError` where they should be, and not one can be decoded."""
    side = find_side(images)
    if side is None or len(images) * side * side * 3 > MEMORY_BYTES:
        return images
    told: list[SkippedImage] = []
    pixels, kept = images.decode(np.asarray, told.append)
    if any(image.shape != (side, side, 3) for image in pixels):
        return images
    for skipped in told:
        on_skip(skipped)
    return LabelledImages(np.stack(pixels), images.labels[kept], images.class_names)


@dataclass(frozen=True)
class DataSplits:
    """``train`` and ``validation`` are parts of the published training set; ``test`` is for reporting only."""

    train: LabelledImages
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
    """The splits of :func:`open_splits` in memory, each in whole; what is not small enough to be decoded once is
    decoded as squares of ``side`` pixels."""
    splits = open_splits(folder, validation_images, seed, None, on_skip)
    return DataSplits(
        *(decode(part, side, on_skip) for part in (splits.train, splits.validation, splits.test))
    )


def _list_parquet(folder: Path) -> tuple[EncodedImages, EncodedImages] | None:
    test = next((found for found in (find_parquet(folder, name) for name in TEST_NAMES) if found), None)
    train = find_parquet(folder, "train")
    return (read_parquet(train), read_parquet(test)) if train and test else None


def _list_folders(folder: Path) -> tuple[EncodedImages, EncodedImages] | None:
    found = find_folders(folder, TEST_NAMES)
    return None if found is None else (list_folder(found[0]), list_folder(found[1]))
