"""Mixing the images of a batch in pairs: mixup (Zhang et al., ICLR 2018) and CutMix (Yun et al., ICCV 2019).

Neighbours in the batch make a pair: images 0 and 1, 2 and 3, and so on. The order of a batch is random, so that pairs
are random. As long as each process and each part of its share has an even number of images, what becomes of an image
does not depend on how many processes there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Mixture:
    """How n images are mixed, one value for each image; both images of a pair take the first one's.

    ``shares`` (n,) are the shares of the image itself. ``box`` (2, n) is the centre of the rectangle that CutMix takes
    from the other image, in shares of the side; it is nan where mixup blends the whole images.
    """

    shares: NDArray[np.float64]
    box: NDArray[np.float64]

    def take(self, part: slice) -> Mixture:
        """Return the mixture of some of the images, which begin with the first of a pair."""
        return Mixture(self.shares[part], self.box[:, part])


def draw_mixture(mixup: float, cutmix: float, n: int, rng: np.random.Generator) -> Mixture:
    """Draw how n images are mixed.

    Args:
        mixup: alpha of mixup's Beta(alpha, alpha); 0 does without it.
        cutmix: alpha of CutMix's Beta(alpha, alpha); 0 does without it. With both, each pair draws one of the two.
        n: How many images there are.
        rng: The source of randomness.
    """
    cuts = rng.random(n) < (0.5 if mixup and cutmix else float(cutmix > 0))
    blended, cut = (rng.beta(alpha, alpha, n) if alpha else np.ones(n) for alpha in (mixup, cutmix))
    box = rng.random((2, n))
    return Mixture(np.where(cuts, cut, blended), np.where(cuts, box, np.nan))


def mix(images: Tensor, labels: Tensor, classes: int, mixture: Mixture) -> tuple[Tensor, Tensor]:
    """Mix each image with its neighbour.

    Args:
        images: (n, 3, side, side).
        labels: Classes, (n,).
        classes: How many classes there are.
        mixture: How these n images are mixed.

    Returns:
        The mixed images, (n, 3, side, side), and the probabilities of the classes, (n, classes). The last of an odd
        number of images stays as it is.
    """
    n, side = len(images), images.shape[-1]
    paired = n - n % 2
    first = np.arange(n) - np.arange(n) % 2
    other = np.arange(n)
    other[:paired] ^= 1
    shares, box = mixture.shares[first].copy(), mixture.box[:, first]
    shares[paired:] = 1
    inside, cut_shares = _find_boxes(shares, box, side)
    shares = np.where(np.isnan(box[0]), shares, cut_shares)
    own, partner = (torch.from_numpy(values).to(images.device) for values in (shares, other))
    weights = own.to(images).view(-1, 1, 1, 1)
    others = images[partner]
    mixed = torch.where(
        torch.from_numpy(np.isnan(box[0])).to(images.device).view(-1, 1, 1, 1),
        weights * images + (1 - weights) * others,
        torch.where(torch.from_numpy(inside).to(images.device).unsqueeze(1), others, images),
    )
    targets = F.one_hot(labels, classes).to(images.dtype)
    flat = weights.view(-1, 1)
    return mixed.contiguous(memory_format=torch.channels_last), flat * targets + (1 - flat) * targets[partner]


def _find_boxes(
    shares: NDArray[np.float64], box: NDArray[np.float64], side: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which pixels are inside each image's rectangle, (n, side, side), and the share of those outside, (n,)."""
    half = side * np.sqrt(1 - shares) / 2
    centre = np.nan_to_num(box) * side
    low, high = (np.clip(np.round(centre + sign * half), 0, side) for sign in (-1, 1))
    position = np.arange(side)
    rows, columns = (
        (position >= a[:, None]) & (position < b[:, None]) for a, b in zip(low, high, strict=True)
    )
    inside = rows[:, :, None] & columns[:, None, :]
    return inside, 1 - inside.mean((1, 2))
