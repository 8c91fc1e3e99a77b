"""Labelled images, decoded once and kept in memory as pixels; and their augmentation on tensors."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.images import fit, open_image
from latency_tables.errors import FormatError, InputError


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
        chosen = rng.choice(len(self), min(count, len(self)), replace=False)
        return self.take(np.sort(chosen))

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """Pixels (n, resolution, resolution, 3), resized the way a bundle does it."""
        if resolution == self.pixels.shape[1]:
            return self.pixels
        from PIL import Image

        return np.stack([fit(Image.fromarray(pixels), resolution) for pixels in self.pixels])


def load_parquet(path: Path) -> LabelledImages:
    """Read a split in Parquet: an ``image`` struct (``bytes``, an encoded image) and an integer ``label`` in each
    row, class names as JSON under ``class_names`` in the schema's metadata. All images must be of one square size."""
    import pyarrow.parquet
    from pyarrow import ArrowException

    try:
        table = pyarrow.parquet.read_table(path, columns=["image", "label"])
        encoded = [row["bytes"] for row in table["image"].to_pylist()]
        labels = np.asarray(table["label"].to_pylist(), dtype=np.int64)
        metadata = table.schema.metadata or {}
        names = _read_names(metadata.get(b"class_names"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not a Parquet split with image and label columns ({error})") from None
    images = [
        np.asarray(open_image(io.BytesIO(data), f"{path}, row {row}")) for row, data in enumerate(encoded)
    ]
    shapes = {image.shape for image in images}
    if len(shapes) != 1 or len({*next(iter(shapes))[:2]}) != 1:
        raise FormatError(f"{path}: images must all be of one square size; found {sorted(shapes)[:3]}")
    classes = names or tuple(map(str, range(int(labels.max()) + 1)))
    if labels.min() < 0 or labels.max() >= len(classes):
        raise FormatError(f"{path}: labels must lie in 0 to {len(classes) - 1}, the classes that are named")
    return LabelledImages(np.stack(images), labels, classes)


def _read_names(text: bytes | None) -> tuple[str, ...]:
    names = json.loads(text or b"[]")
    if not isinstance(names, list):
        raise ValueError("class_names must be a list")
    return tuple(map(str, names))


@dataclass(frozen=True)
class DataSplits:
    """``train`` and ``validation`` are parts of the published training set; ``test`` is for reporting only."""

    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages


def load_splits(folder: Path, validation_images: int, seed: int) -> DataSplits:
    """Read ``train.parquet`` and ``test.parquet`` (or ``val.parquet``) of a folder, and hold the last
    ``validation_images`` of a seeded permutation of the training images out."""
    test = next((folder / name for name in ("test.parquet", "val.parquet") if (folder / name).exists()), None)
    if test is None or not (folder / "train.parquet").exists():
        raise InputError(
            f"{folder}: needs train.parquet and test.parquet (or val.parquet); give the folder that has them"
        )
    everything = load_parquet(folder / "train.parquet")
    if not 0 < validation_images < len(everything):
        raise InputError(f"{validation_images} validation images cannot be held out of {len(everything)}")
    order = np.random.default_rng(seed).permutation(len(everything))
    return DataSplits(
        everything.take(order[:-validation_images]),
        everything.take(order[-validation_images:]),
        load_parquet(test),
    )
