"""Random image operations on tensors, in the manner of RandAugment (Cubuk et al., NeurIPS 2020).

RandAugment applies N operations of one magnitude to each image. Here the magnitude of each operation is drawn
uniformly up to the largest, as in TrivialAugment (Mueller and Hutter, ICCV 2021), because that needs no tuning.
Equalize is left out, since it needs a histogram of each image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in an image's grey (ITU-R BT.601)."""
WHITE = 255.0

MOST_ROTATION_DEGREES = 30.0
MOST_SHEAR = 0.3
MOST_TRANSLATION = 0.3
"""In shares of the image's side."""
MOST_FACTOR_CHANGE = 0.9
"""Colour factors are between 1 - 0.9 and 1 + 0.9."""
FEWEST_BITS = 3
"""To which posterizing reduces a channel at most."""

GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
COLOUR = ("brightness", "contrast", "saturation", "sharpness", "posterize", "solarize", "autocontrast")
OPERATIONS = ("identity", *GEOMETRIC, *COLOUR)


@dataclass(frozen=True, slots=True)
class Operations:
    """Which operations are applied to n images, in rounds.

    ``indices`` (rounds, n) are positions in ``OPERATIONS``; ``strengths`` (rounds, n) are between -1 and 1.
    """

    indices: NDArray[np.int64]
    strengths: NDArray[np.float64]

    def take(self, part: slice) -> Operations:
        """Return the operations of some of the images."""
        return Operations(self.indices[:, part], self.strengths[:, part])


def draw_operations(rounds: int, magnitude: float, n: int, rng: np.random.Generator) -> Operations:
    """Draw the operations of n images.

    Args:
        rounds: How many operations are applied to each image, one after the other.
        magnitude: The largest strength, between 0 and 1.
        n: How many images there are.
        rng: The source of randomness.

    Returns:
        Operations whose kind is uniform over ``OPERATIONS`` and whose strength is uniform within the magnitude.
    """
    indices = rng.integers(len(OPERATIONS), size=(rounds, n))
    return Operations(indices, magnitude * rng.uniform(-1, 1, size=(rounds, n)))


def apply_operations(images: Tensor, operations: Operations, fill: Tensor) -> Tensor:
    """Apply operations to images.

    Args:
        images: Float pixels between 0 and 255, (n, 3, side, side). They are left as they are.
        operations: The operations of these n images.
        fill: The colour that enters from outside the image, (1, 3, 1, 1).

    Returns:
        New images of the same shape, between 0 and 255.
    """
    for indices, strengths in zip(operations.indices, operations.strengths, strict=True):
        changed = images.clone()
        moving = np.flatnonzero(np.isin(indices, [OPERATIONS.index(name) for name in GEOMETRIC]))
        if len(moving):
            names = [OPERATIONS[index] for index in indices[moving]]
            where = torch.from_numpy(moving).to(images.device)
            matrices = torch.tensor(
                [build_matrix(*pair) for pair in zip(names, strengths[moving], strict=True)]
            )
            changed[where] = _warp(images[where], matrices.to(images), fill)
        for name in COLOUR:
            chosen = np.flatnonzero(indices == OPERATIONS.index(name))
            if len(chosen):
                where = torch.from_numpy(chosen).to(images.device)
                strength = torch.from_numpy(strengths[chosen]).to(images).view(-1, 1, 1, 1)
                changed[where] = _COLOUR_FUNCTIONS[name](images[where], strength).clamp(0, WHITE)
        images = changed
    return images


def build_matrix(name: str, strength: float) -> list[list[float]]:
    """Return the 2 x 3 matrix of a geometric operation.

    Args:
        name: One of ``GEOMETRIC``.
        strength: Between -1 and 1.

    Returns:
        The matrix that maps output coordinates, between -1 and 1, to input coordinates.
    """
    angle = math.radians(MOST_ROTATION_DEGREES * strength)
    # Coordinates go from -1 to 1, so that a side is 2 long.
    shear, shift = MOST_SHEAR * strength, 2 * MOST_TRANSLATION * strength
    return {
        "rotate": [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]],
        "shear_x": [[1.0, shear, 0.0], [0.0, 1.0, 0.0]],
        "shear_y": [[1.0, 0.0, 0.0], [shear, 1.0, 0.0]],
        "translate_x": [[1.0, 0.0, shift], [0.0, 1.0, 0.0]],
        "translate_y": [[1.0, 0.0, 0.0], [0.0, 1.0, shift]],
    }[name]


def to_grey(images: Tensor) -> Tensor:
    """Return the grey of images (n, 3, side, side) as (n, 1, side, side)."""
    luma = torch.tensor(LUMA, dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    grey: Tensor = (images * luma).sum(1, keepdim=True)
    return grey


def _warp(images: Tensor, matrices: Tensor, fill: Tensor) -> Tensor:
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    warped: Tensor = F.grid_sample(
        images - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return warped + fill


def _blend(images: Tensor, reference: Tensor, strength: Tensor) -> Tensor:
    return reference + (1 + MOST_FACTOR_CHANGE * strength) * (images - reference)


def _brightness(images: Tensor, strength: Tensor) -> Tensor:
    return images * (1 + MOST_FACTOR_CHANGE * strength)


def _contrast(images: Tensor, strength: Tensor) -> Tensor:
    return _blend(images, to_grey(images).mean((2, 3), keepdim=True), strength)


def _saturation(images: Tensor, strength: Tensor) -> Tensor:
    return _blend(images, to_grey(images), strength)


def _sharpness(images: Tensor, strength: Tensor) -> Tensor:
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return _blend(images, blurred, strength)


def _posterize(images: Tensor, strength: Tensor) -> Tensor:
    bits = torch.round(8 - (8 - FEWEST_BITS) * strength.abs())
    step = 2 ** (8 - bits)
    return torch.floor(images / step) * step


def _solarize(images: Tensor, strength: Tensor) -> Tensor:
    threshold = WHITE * (1 - strength.abs())
    return torch.where(images > threshold, WHITE - images, images)


def _autocontrast(images: Tensor, strength: Tensor) -> Tensor:
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) * (WHITE / (high - low).clamp_min(1)), images)


_COLOUR_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
}
