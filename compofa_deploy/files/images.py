"""From an image to a network's input, the same way in training's evaluation, in a bundle and in its reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Preprocess:
    """RGB; the shorter side resized to the resolution, bilinear and antialiased; centre crop; scaled to [0, 1]; minus
    ``mean``, divided by ``std``, per channel."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_dict(self, resolution: int) -> dict[str, Any]:
        """What a bundle states, in the order in which it is done."""
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
        """Float input (n, 3, side, side) of RGB pixels (n, side, side, 3)."""
        scale = np.float32(1 / 255) / np.asarray(self.std, np.float32)
        shift = np.asarray(self.mean, np.float32) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray((pixels.astype(np.float32) * scale - shift).transpose(0, 3, 1, 2))

    def load(self, images: Iterable[Image], resolution: int) -> NDArray[np.float32]:
        """Float input (n, 3, resolution, resolution) of PIL images of any size and mode."""
        return self.normalise(np.stack([fit(image, resolution) for image in images]))


def fit(image: Image, resolution: int) -> NDArray[np.uint8]:
    """RGB pixels (resolution, resolution, 3): shorter side resized, centre cropped."""
    from PIL import Image as PILImage

    image = image.convert("RGB")
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


def open_image(source: str | Path | BinaryIO, name: str) -> Image:
    """Decode an image file; :class:`InputError` names the one that cannot be read."""
    from PIL import Image as PILImage
    from PIL import ImageOps

    try:
        with PILImage.open(source) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError) as error:
        raise InputError(
            f"{name}: not an image that can be read ({error}); give a PNG or JPEG file"
        ) from None
