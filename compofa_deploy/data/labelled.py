"""Labelled images whose pixels are in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.encoded import EncodedImages
from compofa_deploy.data.pixels import fit_images


@dataclass(frozen=True)
class LabelledImages:
    """Square images of one size.

    Attributes:
        pixels: RGB (n, side, side, 3).
        labels: (n,), indices into ``class_names``.
        class_names: The names of the classes.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> LabelledImages:
        """The images at these indices, in this order."""
        return replace(self, pixels=self.pixels[indices], labels=self.labels[indices])

    def sample(self, count: int, rng: np.random.Generator) -> LabelledImages:
        """A random sample of ``count`` images, or all where there are no more, in their order."""
        return self.take(draw_indices(len(self), count, rng))

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """The images fitted to a resolution: RGB pixels (n, resolution, resolution, 3)."""
        if resolution == self.pixels.shape[1]:
            return self.pixels
        from PIL import Image

        return fit_images(len(self), lambda index: Image.fromarray(self.pixels[index]), resolution)

    def fingerprint(self) -> str:
        """The SHA-256 of the pixels and labels."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class DecodedImages:
    """Images of various sizes, decoded once.

    Attributes:
        arrays: n images, each RGB (height, width, 3).
        labels: (n,), indices into ``class_names``.
        class_names: The names of the classes.
    """

    arrays: tuple[NDArray[np.uint8], ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> DecodedImages:
        """The images at these indices, in this order."""
        return replace(self, arrays=tuple(self.arrays[i] for i in indices), labels=self.labels[indices])

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """The images fitted to a resolution: RGB pixels (n, resolution, resolution, 3)."""
        from PIL import Image

        return fit_images(len(self), lambda index: Image.fromarray(self.arrays[index]), resolution)

    def fingerprint(self) -> str:
        """The SHA-256 of the pixels, their sizes and the labels."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        for pixels in self.arrays:
            digest.update(str(pixels.shape).encode())
            digest.update(np.ascontiguousarray(pixels).data)
        return digest.hexdigest()


class FittableImages(Protocol):
    """Labelled images that can be fitted to any resolution, each from its source."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,), indices of classes."""

    def __len__(self) -> int: ...

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """RGB pixels (n, resolution, resolution, 3)."""


class LastFit:
    """Images that keep their pixels at the resolution that was asked for last."""

    def __init__(self, images: FittableImages) -> None:
        self._images, self._pixels = images, np.empty((0, 0, 0, 3), np.uint8)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,), indices of classes."""
        return self._images.labels

    def __len__(self) -> int:
        return len(self._images)

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """RGB pixels (n, resolution, resolution, 3)."""
        if self._pixels.shape[1] != resolution:
            self._pixels = self._images.resize(resolution)
        return self._pixels


Images: TypeAlias = LabelledImages | EncodedImages
"""Images as :func:`compofa_deploy.data.splits.open_splits` opens them."""

ReadableImages: TypeAlias = LabelledImages | DecodedImages | EncodedImages
"""Images without any that cannot be decoded, as :func:`compofa_deploy.data.decode.decode` returns them."""


def draw_indices(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` of the numbers below ``total``, ascending, or all where there are no more."""
    return np.sort(rng.choice(total, min(count, total), replace=False))
