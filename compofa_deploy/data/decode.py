"""Decoding a set of images once, where its pixels fit in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data import pixels as pixels_module
from compofa_deploy.data.encoded import EncodedImages, SkippedImage, find_side
from compofa_deploy.data.labelled import DecodedImages, Images, LabelledImages, ReadableImages
from compofa_deploy.data.pixels import allocate_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

DECODED_BYTES = 1_000_000_000
"""The most memory that images of various sizes may take once they are decoded. Others are decoded for each use."""

OnSkip: TypeAlias = Callable[[SkippedImage], None]


def say_nothing(skipped: SkippedImage) -> None:
    """Ignore an image that cannot be decoded."""


def decode(images: Images, on_skip: OnSkip = say_nothing) -> ReadableImages:
    """Leave out the images that cannot be decoded, and keep the pixels of the others where they fit in memory.

    Args:
        images: In memory or encoded. Images in memory are returned as they are.
        on_skip: Called with each image that cannot be decoded.

    Returns:
        Images that can be fitted to any resolution, each from its source.

    Raises:
        InputError: Not one image can be decoded.
    """
    if isinstance(images, LabelledImages):
        return images
    kept: list[int] = []
    arrays: list[NDArray[np.uint8]] = []
    size = 0
    for index, pixels in images.decode(np.asarray, on_skip):
        kept.append(index)
        size += pixels.nbytes
        if size <= DECODED_BYTES:
            arrays.append(pixels)
        else:
            arrays.clear()
    readable = images.take(np.array(kept, np.int64))
    if size > DECODED_BYTES:
        return readable
    return DecodedImages(tuple(arrays), readable.labels, readable.class_names)


def hold(images: EncodedImages, on_skip: OnSkip = say_nothing) -> Images:
    """Decode images that are all square, of one size, and small enough for the memory.

    Args:
        images: Encoded images.
        on_skip: Called with each image that cannot be decoded, where the images are decoded.

    Returns:
        The images in memory, without those that cannot be decoded; or else the encoded images.

    Raises:
        InputError: Not one image can be decoded.
    """
    side = find_side(images)
    if side is None or len(images) * side * side * 3 > pixels_module.MEMORY_BYTES:
        return images
    pixels = allocate_pixels((len(images), side, side, 3))
    told: list[SkippedImage] = []
    kept: list[int] = []

    def take(image: Image) -> NDArray[np.uint8]:
        if image.size != (side, side):
            raise _OtherSizeError
        return np.asarray(image)

    try:
        for index, made in images.decode(take, told.append):
            pixels[len(kept)] = made
            kept.append(index)
    except _OtherSizeError:
        return images
    for skipped in told:
        on_skip(skipped)
    return LabelledImages(pixels[: len(kept)], images.labels[kept], images.class_names)


class _OtherSizeError(Exception):
    """An image has another size than the headers of some others have."""
