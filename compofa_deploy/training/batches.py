"""The images of each step: from memory, or decoded by workers ahead of time.

The images of a step depend on the recipe's seed, the phase and the step alone. A random crop that is taken while an
image is decoded depends on these and on the image's index. A training that was stopped therefore goes on with the same
images, whichever process decodes them.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.encoded import EncodedImages, SkippedImage
from compofa_deploy.data.labelled import Images, LabelledImages
from compofa_deploy.files.images import fit
from compofa_deploy.training.augment import draw_boxes
from compofa_deploy.training.recipe import DataSettings, Recipe
from latency_tables.errors import InputError

PREFETCH = 4
"""Batches that each worker decodes ahead."""
TRIES = 32
"""A training gives up when so many images in a row cannot be read."""

Decoded: TypeAlias = tuple[Tensor, Tensor, list[SkippedImage]]


@dataclass(frozen=True, slots=True)
class Order:
    """The images of every step of one phase.

    Each epoch has a permutation of its own. Images at its end that do not fill a batch are left out. ``part`` is the
    share of a batch that one process takes.
    """

    seed: int
    phase: int
    images: int
    batch: int
    part: slice

    def find(self, step: int) -> tuple[int, NDArray[np.int64]]:
        """Return the epoch of a step, and the indices of its images."""
        epoch, position = divmod(step, self.images // self.batch)
        order = _permute(self.seed, self.phase, epoch, self.images)
        return epoch, order[position * self.batch : (position + 1) * self.batch][self.part]


@lru_cache(maxsize=2)
def _permute(seed: int, phase: int, epoch: int, images: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, phase, epoch]).permutation(images)


class Decoder(Dataset[Decoded]):
    """Decodes the images of a step, in a worker process, as squares of ``side`` pixels."""

    def __init__(
        self, images: EncodedImages, settings: DataSettings, order: Order, side: int, steps: range
    ) -> None:
        self.images, self.settings, self.order = images, settings, order
        self.side, self.steps = side, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, item: int) -> Decoded:
        """Return the pixels (n, side, side, 3) and labels (n,) of a step, and the images that were skipped.

        The next image of the set replaces one that cannot be decoded. The pixels are empty where ``TRIES`` images in a
        row cannot be decoded.
        """
        epoch, indices = self.order.find(self.steps[item])
        pixels: list[NDArray[np.uint8]] = []
        labels: list[int] = []
        skipped: list[SkippedImage] = []
        for index in map(int, indices):
            for place in ((index + i) % len(self.images) for i in range(TRIES)):
                try:
                    pixels.append(self._decode(place, epoch))
                    labels.append(int(self.images.labels[place]))
                    break
                except InputError as error:
                    skipped.append(SkippedImage(self.images.name_of(place), str(error)))
            else:
                return torch.empty(0), torch.empty(0), skipped
        return torch.from_numpy(np.stack(pixels)), torch.tensor(labels), skipped

    def _decode(self, index: int, epoch: int) -> NDArray[np.uint8]:
        from PIL import Image

        image = self.images.open(index)
        if self.settings.crop == "padded":
            return fit(image, self.side)
        rng = np.random.default_rng([self.order.seed, self.order.phase, epoch, index])
        box = draw_boxes(self.settings, 1, rng, image.width / image.height)[:, 0]
        y, x, height, width = box * (image.height, image.width, image.height, image.width)
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        bounds = (0.0, 0.0, float(image.width), float(image.height))
        left, top = (max(bound, corner) for bound, corner in zip(bounds[:2], corners[:2], strict=True))
        right, bottom = (min(bound, corner) for bound, corner in zip(bounds[2:], corners[2:], strict=True))
        size = (self.side, self.side)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, (left, top, right, bottom)))


def list_batches(
    images: Images,
    recipe: Recipe,
    phase_index: int,
    steps: range,
    part: slice,
    device: torch.device,
    workers: int,
    on_skip: OnSkip,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the images of each step, for one process.

    Args:
        images: The training images, in memory or encoded.
        recipe: The recipe, whose seed decides the order.
        phase_index: The phase's position in the recipe.
        steps: The steps of the phase that are still to do.
        part: The share of a batch that this process takes.
        device: Where the images are wanted.
        workers: How many processes decode images; 0 decodes in this one.
        on_skip: Called for each image that cannot be decoded.

    Yields:
        Pixels (n, side, side, 3) and labels (n,), on the device or on their way to it.

    Raises:
        InputError: ``TRIES`` images in a row cannot be decoded.
    """
    phase = recipe.phases[phase_index]
    order = Order(recipe.seed, phase_index, len(images), phase.batch, part)
    if isinstance(images, LabelledImages):
        yield from _take(images, order, steps, device)
        return
    decoder = Decoder(images, recipe.data, order, max(phase.resolutions), steps)
    loader = DataLoader(
        decoder,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=PREFETCH if workers else None,
        pin_memory=device.type == "cuda",
        worker_init_fn=_begin_worker,
        # Without a generator of its own, the loader draws from torch's, and a resumed training would differ.
        generator=torch.Generator(),
    )
    for pixels, labels, skipped in loader:
        for one in skipped:
            on_skip(one)
        if not len(pixels):
            raise InputError(f"{TRIES} images in a row cannot be read; the last: {skipped[-1].reason}")
        yield pixels, labels.to(device, non_blocking=True)


def _take(
    images: LabelledImages, order: Order, steps: range, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    pixels, labels = (torch.from_numpy(array).to(device) for array in (images.pixels, images.labels))
    for step in steps:
        chosen = torch.from_numpy(order.find(step)[1]).to(device)
        yield pixels[chosen], labels[chosen]


def _begin_worker(worker: int) -> None:
    """Leave Ctrl-C to the main process, and use one thread a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
