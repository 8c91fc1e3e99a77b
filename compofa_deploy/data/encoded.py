"""Labelled images as their files have them, which Pillow decodes on demand."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.account import PassedOver
from compofa_deploy.data.pixels import fit_images
from compofa_deploy.files.images import open_image, read_size
from latency_tables.errors import InputError
from profilers.machine.environment import count_cores

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

HEADERS = 64
"""The number of images whose headers are read to learn whether all have one size."""
DECODED_AHEAD = 256
"""The largest number of images that are decoded before the first of them is taken."""


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that cannot be decoded: its name, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class EncodedImages:
    """Images in files, or in memory as files have them.

    Attributes:
        name: The name of the set in errors.
        sources: Paths of files, or encoded bytes, of which this set uses some.
        rows: (n,), the indices into ``sources`` of this set's images.
        labels: (n,), indices into ``class_names``.
        class_names: The names of the classes.
        passed_over: The files of the data set that were not read.
    """

    name: str
    sources: Sequence[Path | bytes]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    passed_over: tuple[PassedOver, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> EncodedImages:
        """The images at these indices, in this order."""
        return replace(self, rows=self.rows[indices], labels=self.labels[indices])

    def sample(self, count: int, rng: np.random.Generator) -> EncodedImages:
        """A random sample of ``count`` images, or all where there are no more, in their order."""
        chosen = rng.choice(len(self), min(count, len(self)), replace=False)
        return self.take(np.sort(chosen))

    def open(self, index: int) -> Image:
        """Decode an image to RGB; :class:`InputError` where it cannot be decoded."""
        return open_image(self._source(index), self.name_of(index))

    def read_size(self, index: int) -> tuple[int, int] | None:
        """The width and height in an image's header; ``None`` where it has none that can be read."""
        return read_size(self._source(index))

    def name_of(self, index: int) -> str:
        """The name of an image for people: its path, or the file and row that it is in."""
        source = self.sources[self.rows[index]]
        return f"{self.name}, row {self.rows[index]}" if isinstance(source, bytes) else str(source)

    def resize(self, resolution: int) -> NDArray[np.uint8]:
        """Decode the images, and fit them to a resolution: RGB pixels (n, resolution, resolution, 3).

        Raises:
            InputError: An image cannot be decoded.
        """
        return fit_images(len(self), self.open, resolution)

    def fingerprint(self) -> str:
        """The SHA-256 of the encoded images and the labels."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        for row in self.rows:
            source = self.sources[row]
            digest.update(
                hashlib.sha256(source if isinstance(source, bytes) else source.read_bytes()).digest()
            )
        return digest.hexdigest()

    def decode(
        self, finish: Callable[[Image], T], on_skip: Callable[[SkippedImage], None]
    ) -> Iterator[tuple[int, T]]:
        """Decode the images in several threads.

        Args:
            finish: Called with each image, in a thread.
            on_skip: Called with each image that cannot be decoded.

        Yields:
            The index of each image that can be decoded, in order, with the result of ``finish``.

        Raises:
            InputError: Not one image can be decoded.
        """

        def make(index: int) -> T | SkippedImage:
            try:
                return finish(self.open(index))
            except InputError as error:
                return SkippedImage(self.name_of(index), str(error))

        found, reason = False, "it has no images"
        with ThreadPoolExecutor(count_cores()) as threads:
            for start in range(0, len(self), DECODED_AHEAD):
                group = range(start, min(start + DECODED_AHEAD, len(self)))
                for index, made in zip(group, threads.map(make, group), strict=True):
                    if isinstance(made, SkippedImage):
                        reason = made.reason
                        on_skip(made)
                        continue
                    found = True
                    yield index, made
        if not found:
            raise InputError(f"{self.name}: not one image can be read; the last: {reason}")

    def _source(self, index: int) -> Path | io.BytesIO:
        source = self.sources[self.rows[index]]
        return io.BytesIO(source) if isinstance(source, bytes) else source


def find_side(images: EncodedImages) -> int | None:
    """The side in pixels of images that are all square and of one size, judged by a sample of headers.

    Returns:
        The side, or ``None`` where the headers differ.

    Raises:
        InputError: None of these images has a header.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, HEADERS).astype(np.int64))
    sizes = {size for index in chosen if (size := images.read_size(int(index))) is not None}
    if not sizes:
        # The error is that of the first image.
        images.open(0)
    if len(sizes) != 1:
        return None
    ((width, height),) = sizes
    return width if width == height else None
