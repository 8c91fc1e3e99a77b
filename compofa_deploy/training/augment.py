"""Augmentation of a batch on tensors, on whatever device they are: crop, flip, brightness, saturation, resize.

What is random is drawn on its own, for the whole batch of a step: each process then takes the part that belongs to its
images, and what becomes of an image does not depend on how many processes there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from compofa_deploy.training.recipe import DataSettings

CPU = torch.device("cpu")
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in an image's grey (ITU-R BT.601)."""


@dataclass(frozen=True, slots=True)
class Draws:
    """What is random about n images: where a padded crop is, (2, n) pixels; a resized crop's centre and size, (4, n),
    in shares of the image; whether it is flipped, (n,); the factors of brightness and saturation, (2, n). None where
    the settings do not ask for it."""

    shift: NDArray[np.int64] | None = None
    box: NDArray[np.float64] | None = None
    flip: NDArray[np.bool_] | None = None
    colour: NDArray[np.float64] | None = None

    def take(self, part: slice) -> Draws:
        """Those of some of the images."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(
            self, **{name: values[..., part] for name, values in fields.items() if values is not None}
        )


class Augment:
    """Turn pixels (n, side, side, 3) into a training batch (n, 3, resolution, resolution), channels last.

    ``cropped`` says that resized crops are taken already, where images are decoded.
    """

    def __init__(self, settings: DataSettings, device: torch.device = CPU, cropped: bool = False) -> None:
        self.settings, self.device, self.cropped = settings, device, cropped
        self.mean = torch.tensor(settings.mean, device=device).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(settings.std, device=device).view(1, 3, 1, 1) * 255
        self.luma = torch.tensor(LUMA, device=device).view(1, 3, 1, 1)

    def draw(self, n: int, rng: np.random.Generator) -> Draws:
        """What is random about n images."""
        settings = self.settings
        shift = box = flip = colour = None
        if settings.crop == "resized" and not self.cropped:
            box = draw_boxes(settings, n, rng)
        elif settings.crop == "padded" and settings.crop_padding:
            shift = rng.integers(0, 2 * settings.crop_padding + 1, size=(2, n))
        if settings.flip:
            flip = rng.random(n) < 0.5
        if settings.brightness or settings.saturation:
            spread = np.array([[settings.brightness], [settings.saturation]])
            colour = 1 + spread * rng.uniform(-1, 1, size=(2, n))
        return Draws(shift, box, flip, colour)

    def __call__(self, pixels: Tensor | NDArray[np.uint8], resolution: int, draws: Draws) -> Tensor:
        pixels = torch.as_tensor(pixels).to(self.device, non_blocking=True)
        side = pixels.shape[1]
        if draws.shift is not None:
            pixels = self._shift(pixels, draws.shift)
        if draws.flip is not None:
            flipped = self._move(draws.flip).view(-1, 1, 1, 1)
            pixels = torch.where(flipped, pixels.flip(2), pixels)
        images = pixels.permute(0, 3, 1, 2).float()
        if draws.box is not None:
            images = self._cut(images, draws.box)
        if draws.colour is not None:
            images = self._colour(images, self._move(draws.colour.astype(np.float32)))
        images = (images - self.mean) / self.std
        if resolution != side:
            images = F.interpolate(images, size=(resolution, resolution), mode="bilinear", antialias=True)
        return images.contiguous(memory_format=torch.channels_last)

    def _move(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device, non_blocking=True)

    def _shift(self, pixels: Tensor, shift: NDArray[np.int64]) -> Tensor:
        n, side = pixels.shape[:2]
        pad = self.settings.crop_padding
        reflected = np.pad(np.arange(side), pad, mode="reflect")
        rows, columns = (self._move(reflected[start[:, None] + np.arange(side)]) for start in shift)
        images = torch.arange(n, device=self.device)
        return pixels[images[:, None, None], rows[:, :, None], columns[:, None, :]]

    def _cut(self, images: Tensor, box: NDArray[np.float64]) -> Tensor:
        """The boxes, resized to the images' own size: never to fewer pixels than they have, so that nothing aliases."""
        y, x, height, width = self._move(box.astype(np.float32))
        zero = torch.zeros_like(x)
        rows = [torch.stack([width, zero, 2 * x - 1], 1), torch.stack([zero, height, 2 * y - 1], 1)]
        grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        cut: Tensor = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return cut

    def _colour(self, images: Tensor, factors: Tensor) -> Tensor:
        brightness, saturation = factors.view(2, -1, 1, 1, 1)
        images = (images * brightness).clamp_(0, 255)
        grey = (images * self.luma).sum(1, keepdim=True)
        saturated: Tensor = (grey + saturation * (images - grey)).clamp_(0, 255)
        return saturated


def draw_boxes(
    settings: DataSettings, n: int, rng: np.random.Generator, ratio: float = 1.0
) -> NDArray[np.float64]:
    """Random parts of n images, (4, n): the centre's row and column, height and width, in shares of the image, whose
    width is ``ratio`` times its height. The area is uniform, the logarithm of the sides' ratio too, as in Inception
    (Szegedy et al., CVPR 2015, section 6); a side that would be longer than the image is cut to it."""
    area, shape, y, x = rng.random((4, n))
    low, high = settings.crop_area
    area = low + (high - low) * area
    narrow, wide = np.log(settings.crop_ratio)
    sides = np.exp(narrow + (wide - narrow) * shape) / ratio
    width, height = (np.minimum(1, np.sqrt(area * factor)) for factor in (sides, 1 / sides))
    return np.stack([height / 2 + y * (1 - height), width / 2 + x * (1 - width), height, width])
