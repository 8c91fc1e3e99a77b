"""Memory for the pixels of many images, and fitting them all to a resolution."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.files.images import fit
from latency_tables.errors import InputError
from profilers.machine.environment import count_cores

if TYPE_CHECKING:
    from PIL.Image import Image

MEMORY_BYTES = 4_000_000_000
"""The largest array of pixels that is held in memory. Larger ones are in a temporary file."""


def fit_images(count: int, open_image: Callable[[int], Image], resolution: int) -> NDArray[np.uint8]:
    """Fit images to a resolution, each from its source, in several threads.

    Args:
        count: The number of images.
        open_image: Gives the image of an index below ``count``.
        resolution: In pixels.

    Returns:
        RGB pixels (count, resolution, resolution, 3).

    Raises:
        InputError: An image cannot be decoded, or there is no room for the pixels.
    """
    pixels = allocate_pixels((count, resolution, resolution, 3))

    def fit_one(index: int) -> None:
        pixels[index] = fit(open_image(index), resolution)

    with ThreadPoolExecutor(count_cores()) as threads:
        for _ in threads.map(fit_one, range(count)):
            pass
    return pixels


def allocate_pixels(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array for pixels: in memory, or in a temporary file that is removed with the last array that uses it.

    Raises:
        InputError: There is no room for the temporary file.
    """
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
