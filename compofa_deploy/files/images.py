"""From an image file to a network's input: the one preprocessing of evaluation, calibration, bundles and ``run``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""The formats that are read, by Pillow's names for them."""

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
"""The endings of their files, in lower case."""

MOST_PIXELS = 89_478_485
"""Larger images are refused by their header, before they take memory. It is the limit that Pillow warns from."""

MOST_OBLONG = 100
"""The largest ratio of an image's longer side to its shorter one. Resizing makes the shorter side the resolution."""

SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes of gray images with 16 bits a pixel."""

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """The preprocessing of a network's input.

    An image is converted to RGB. Its shorter side is resized to the resolution (bilinear, antialiased), and the centre
    is cropped. Pixels are scaled to [0, 1]; per channel, ``mean`` is subtracted and the result divided by ``std``.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_dict(self, resolution: int) -> dict[str, Any]:
        """The steps that a bundle states, in their order."""
        return {
            "channels": "RGB",
            "resize_shorter_side": resolution,
            "resize_filter": "bilinear, antialiased",
            "centre_crop": resolution,
            "scale": 1 / 255,
            "mean": list(self.mean),
            "std": list(self.std),
            "layout": "NCHW",
            "dtype": "float32",
        }

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Make a network's input of fitted pixels.

        Args:
            pixels: RGB (n, side, side, 3), 0 to 255.

        Returns:
            Float input (n, 3, side, side).
        """
        scale = np.float32(1 / 255) / np.asarray(self.std, np.float32)
        shift = np.asarray(self.mean, np.float32) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray((pixels.astype(np.float32) * scale - shift).transpose(0, 3, 1, 2))

    def load(self, images: Iterable[Image], resolution: int) -> NDArray[np.float32]:
        """Make a network's input of images of any size and mode.

        Args:
            images: n Pillow images.
            resolution: The side of the input in pixels.

        Returns:
            Float input (n, 3, resolution, resolution).
        """
        return self.normalise(np.stack([fit(image, resolution) for image in images]))


def fit(image: Image, resolution: int) -> NDArray[np.uint8]:
    """Resize the shorter side of an image to the resolution, and crop the centre.

    Every network input is made of a source image by exactly one call of this function.

    Args:
        image: A Pillow image of any size and mode.
        resolution: In pixels.

    Returns:
        RGB pixels (resolution, resolution, 3).

    Raises:
        ValueError: The range of the image's values is unknown.
    """
    from PIL import Image as PILImage

    image = to_rgb(image)
    width, height = image.size
    side = min(width, height)
    if side != resolution:
        size = (
            max(resolution, round(width * resolution / side)),
            max(resolution, round(height * resolution / side)),
        )
        image = image.resize(size, PILImage.Resampling.BILINEAR)
        width, height = size
    left, top = (width - resolution) // 2, (height - resolution) // 2
    return np.asarray(image.crop((left, top, left + resolution, top + resolution)))


def to_rgb(image: Image) -> Image:
    """Convert an image to RGB with 8 bits a channel. Gray values of 16 bits are scaled down.

    Raises:
        ValueError: The pixels are floats or 32-bit integers, whose range is unknown.
    """
    from PIL import Image as PILImage

    if image.mode in SIXTEEN_BITS or (image.mode == "I" and image.format == "PNG"):
        gray = (np.asarray(image).astype(np.uint32) + 128) // 257
        image = PILImage.fromarray(gray.astype(np.uint8))
    elif image.mode in ("I", "F"):
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise ValueError(
            f"its pixels are {kind}, whose range is unknown; save it with 8 or 16 bits a channel"
        )
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def open_image(source: str | Path | BinaryIO, name: str) -> Image:
    """Decode an image file to RGB, turned as its EXIF orientation says.

    Args:
        source: A path, or an open file.
        name: The name of the image in errors.

    Raises:
        InputError: There is no such file, or it cannot be decoded, or it is too large or too oblong.
    """
    from PIL import Image as PILImage

    try:
        with PILImage.open(source, formats=FORMATS) as image:
            _check_size(*image.size)
            return turn_upright(to_rgb(image), _read_orientation(image))
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except Exception as error:
        # Decoders of foreign bytes raise errors of many kinds: of the struct module, KeyError, MemoryError, ...
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{name}: not an image that can be read ({reason}); give a PNG or JPEG file"
        ) from None


def read_size(source: str | Path | BinaryIO) -> tuple[int, int] | None:
    """The width and height in an image's header; ``None`` where it has none that can be read."""
    from PIL import Image as PILImage

    try:
        with PILImage.open(source, formats=FORMATS) as image:
            return image.size
    except Exception:
        return None


def turn_upright(image: Image, orientation: int) -> Image:
    """Undo an EXIF orientation of 2 to 8; any other value leaves the image as it is."""
    from PIL.Image import Transpose

    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(methods[orientation]) if orientation in methods else image


def _read_orientation(image: Image) -> int:
    """The EXIF orientation; 1, which means upright, where there is none or it cannot be parsed."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ValueError(f"it has {width} x {height} pixels, more than {MOST_PIXELS}; make it smaller")
    if max(width, height) > MOST_OBLONG * max(min(width, height), 1):
        ratio = math.ceil(max(width, height) / max(min(width, height), 1))
        raise ValueError(
            f"it has {width} x {height} pixels, sides with a ratio of {ratio}, more than {MOST_OBLONG}; crop it"
        )
