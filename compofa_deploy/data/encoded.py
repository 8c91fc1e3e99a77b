"""Labelled images as files have them: decoded when they are asked for, by Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.files.images import open_image
from latency_tables.errors import InputError
from profilers.machine.environment import count_cores

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

LOOKS = 64
"""Images whose headers are looked at to learn whether all are of one size."""
DECODED_AHEAD = 256
"""Images that are decoded before the first of them is taken, at most."""


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that cannot be decoded: where it is, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class EncodedImages:
    """``sources``: paths of files, or encoded bytes, n of them, in which ``rows`` are this set's, (m,), and ``labels``
    their classes, (m,), as indices into ``class_names``. ``name`` is what errors call the set."""

    name: str
    sources: Sequence[Path | bytes]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> EncodedImages:
        """Those images alone, in that order."""
        return replace(self, rows=self.rows[indices], labels=self.labels[indices])

    def sample(self, count: int, rng: np.random.Generator) -> EncodedImages:
        """A random part of that many images, or all where there are no more, in the order in which they are."""
        chosen = rng.choice(len(self), min(count, len(self)), replace=False)
        return self.take(np.sort(chosen))

    def open(self, index: int) -> Image:
        """An image in RGB; :class:`InputError` where it cannot be decoded."""
        source = self.sources[self.rows[index]]
        return open_image(io.BytesIO(source) if isinstance(source, bytes) else source, self.name_of(index))

    def name_of(self, index: int) -> str:
        """Where an image is, for people."""
        source = self.sources[self.rows[index]]
        return f"{self.name}, row {self.rows[index]}" if isinstance(source, bytes) else str(source)

    def decode(
        self, finish: Callable[[Image], T], on_skip: Callable[[SkippedImage], None]
    ) -> Iterator[tuple[int, T]]:
        """Which image it is, and what ``finish`` makes of it, for each that can be decoded, in order; the others are
        told. Threads do it side by side, which Pillow lets them. :class:`InputError` where there is none."""

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


def find_side(images: EncodedImages) -> int | None:
    """The side in pixels of images that are all square and of one size, as far as the headers of some tell; None where
    they are not. :class:`InputError` where none of these has a header."""
    from PIL import Image as PILImage

    sizes = set()
    for index in np.unique(np.linspace(0, len(images) - 1, LOOKS).astype(np.int64)):
        source = images.sources[images.rows[index]]
        try:
            with PILImage.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                sizes.add(image.size)
        except (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError):
            continue
    if not sizes:
        # The reason is that of the first.
        images.open(0)
    if len(sizes) != 1:
        return None
    ((width, height),) = sizes
    return width if width == height else None
