"""Augmentation of a batch on tensors: random crop, flip and resize."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from compofa_deploy.training.recipe import DataSettings


class Augment:
    """Turn pixels (n, side, side, 3) into a training batch (n, 3, resolution, resolution), channels last."""

    def __init__(self, settings: DataSettings) -> None:
        self.settings = settings
        self.mean = torch.tensor(settings.mean).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(settings.std).view(1, 3, 1, 1) * 255

    def __call__(self, pixels: NDArray[np.uint8], resolution: int, rng: np.random.Generator) -> Tensor:
        n, side = pixels.shape[:2]
        pad = self.settings.crop_padding
        if pad:
            padded = np.pad(pixels, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
            top, left = rng.integers(0, 2 * pad + 1, size=(2, n))
            rows = top[:, None] + np.arange(side)
            columns = left[:, None] + np.arange(side)
            pixels = padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
        if self.settings.flip:
            flipped = rng.random((n, 1, 1, 1)) < 0.5
            pixels = np.where(flipped, pixels[:, :, ::-1], pixels)
        images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        images = (images - self.mean) / self.std
        if resolution != side:
            images = F.interpolate(images, size=(resolution, resolution), mode="bilinear", antialias=True)
        return images.contiguous(memory_format=torch.channels_last)
