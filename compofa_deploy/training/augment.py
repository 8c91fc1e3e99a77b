"""Augmentation of a batch on tensors, on any device: crop, flip, colours, random operations, cutout, mixing, resize.

Random numbers are drawn apart from their use, for the whole batch of a step. Each process takes the part that belongs
to its images, so that an image is changed in the same way whatever the number of processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from compofa_deploy.training.mixing import Mixture, draw_mixture, mix
from compofa_deploy.training.random_operations import LUMA, Operations, apply_operations, draw_operations
from compofa_deploy.training.recipe import DataSettings

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of n images. A field is None where the settings do not ask for it.

    ``shift`` (2, n) is where a padded crop begins, in pixels. ``box`` (4, n) is a resized crop's centre and size, in
    shares of the image. ``flip`` (n,) says whether an image is mirrored. ``colour`` (2, n) holds the factors of
    brightness and saturation. ``hole`` (2, n) is the centre of cutout's square, in shares of the side.
    """

    shift: NDArray[np.int64] | None = None
    box: NDArray[np.float64] | None = None
    flip: NDArray[np.bool_] | None = None
    colour: NDArray[np.float64] | None = None
    operations: Operations | None = None
    hole: NDArray[np.float64] | None = None
    mixture: Mixture | None = None

    def take(self, part: slice) -> Draws:
        """Return the random numbers of some of the images."""
        taken: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            values = getattr(self, name)
            if isinstance(values, Operations | Mixture):
                taken[name] = values.take(part)
            elif values is not None:
                taken[name] = values[..., part]
        return Draws(**taken)


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
        """Draw the random numbers of n images."""
        settings = self.settings
        shift = box = flip = colour = operations = hole = mixture = None
        if settings.crop == "resized" and not self.cropped:
            box = draw_boxes(settings, n, rng)
        elif settings.crop == "padded" and settings.crop_padding:
            shift = rng.integers(0, 2 * settings.crop_padding + 1, size=(2, n))
        if settings.flip:
            flip = rng.random(n) < 0.5
        if settings.brightness or settings.saturation:
            spread = np.array([[settings.brightness], [settings.saturation]])
            colour = 1 + spread * rng.uniform(-1, 1, size=(2, n))
        if settings.random_operations:
            operations = draw_operations(settings.random_operations, settings.operation_magnitude, n, rng)
        if settings.cutout:
            hole = rng.random((2, n))
        if settings.mixup or settings.cutmix:
            mixture = draw_mixture(settings.mixup, settings.cutmix, n, rng)
        return Draws(shift, box, flip, colour, operations, hole, mixture)

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
        if draws.operations is not None:
            images = apply_operations(images, draws.operations, self.mean)
        images = (images - self.mean) / self.std
        if draws.hole is not None:
            images = self._cut_out(images, self._move(draws.hole))
        if resolution != side:
            images = F.interpolate(images, size=(resolution, resolution), mode="bilinear", antialias=True)
        return images.contiguous(memory_format=torch.channels_last)

    def mix(self, images: Tensor, labels: Tensor, classes: int, draws: Draws) -> tuple[Tensor, Tensor]:
        """Mix augmented images in pairs, where the settings ask for mixup or CutMix.

        Args:
            images: A training batch, (n, 3, resolution, resolution).
            labels: Classes, (n,).
            classes: How many classes there are.
            draws: The random numbers of these n images.

        Returns:
            The images, and either the labels as they were or the probabilities of the classes, (n, classes).
        """
        if draws.mixture is None:
            return images, labels
        return mix(images, labels, classes, draws.mixture)

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

    def _cut_out(self, images: Tensor, centre: Tensor) -> Tensor:
        """Blank a square of each image, whose part outside the image is lost (DeVries and Taylor, 2017)."""
        side, half = images.shape[-1], images.shape[-1] * self.settings.cutout / 2
        position = torch.arange(side, device=self.device) + 0.5
        rows, columns = ((position - c.view(-1, 1) * side).abs() < half for c in centre)
        return images.masked_fill((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), 0.0)

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
