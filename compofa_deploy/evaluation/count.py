"""How many images compound subnets get right, along shared prefixes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compofa_deploy.data.splits import LabelledImages
from compofa_deploy.evaluation.folded import FoldedLayers
from compofa_deploy.evaluation.tree import walk
from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.cut import cut_weights
from compofa_deploy.supernet.statistics import Choices, locate_unit
from compofa_deploy.supernet.stored import StoredSupernet

CPU = torch.device("cpu")

BATCH_PIXELS = {"cpu": 256_000, "cuda": 25_000_000}
"""Pixels that run through a unit at once. More no longer fit a core's cache; results do not depend on it."""

HELD_BYTES = {"cpu": 2 * 10**9, "cuda": 8 * 10**9}
"""What activations that are held while the tree is walked may take."""

TOP = (1, 5)


def count_group(architecture: Architecture, resolution: int, device: torch.device = CPU) -> int:
    """How many images are walked at once: as many as what every stage gives fits ``HELD_BYTES`` for."""
    units = list_units(architecture, resolution)
    ends = [units.stem[-1], *(stage[-1][-1] for stage in units.stages)]
    floats = 3 * resolution**2 + sum(layer.out_channels * layer.out_size**2 for layer in ends)
    return max(1, HELD_BYTES[device.type] // (4 * floats))


def count_right(
    supernet: StoredSupernet,
    images: LabelledImages,
    resolution: int,
    wanted: Callable[[Choices], bool] = lambda prefix: True,
    device: torch.device = CPU,
    on_unit: Callable[[], None] = lambda: None,
    on_subnet: Callable[[Choices, NDArray[np.int64]], None] = lambda choices, counts: None,
) -> NDArray[np.int64]:
    """(2, 243): how many of the images each compound subnet classifies rightly at a resolution, and of how many the
    label is among its five likeliest classes; 0 where not ``wanted``. All images are held at once.

    ``on_unit`` is called when a unit has run, ``on_subnet`` with a subnet's choices and two counts when it is done.
    """
    counts = np.zeros((len(TOP), len(COMPOUND_DEPTHS)), dtype=np.int64)
    labels = torch.from_numpy(images.labels).to(device)

    def run(prefix: Choices, batches: list[Tensor]) -> list[Tensor]:
        unit = fold_unit(supernet, resolution, prefix, device)
        done = [unit(batch) for batch in batches]
        on_unit()
        return done

    # A GPU's shorter floats would give it other numbers than a CPU's.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        batches = load_batches(images, resolution, supernet.preprocess, device)
        for choices, logits in walk(run, batches, wanted):
            hits = count_hits(torch.cat(logits), labels)
            counts[:, locate_subnet(choices)] = hits
            on_subnet(choices, hits)
    return counts


def locate_subnet(choices: Choices) -> int:
    """Where the subnet of five choices is in the order of ``COMPOUND_DEPTHS``."""
    return int(np.ravel_multi_index(choices, (len(DEPTHS),) * STAGES))


def load_batches(
    images: LabelledImages, resolution: int, preprocess: Preprocess, device: torch.device
) -> list[Tensor]:
    """All images as network inputs, channels last, in batches that suit the device."""
    pixels = preprocess.normalise(images.resize(resolution))
    batch = max(1, BATCH_PIXELS[device.type] // resolution**2)
    return [
        torch.from_numpy(pixels[i : i + batch]).to(device).contiguous(memory_format=torch.channels_last)
        for i in range(0, len(pixels), batch)
    ]


def count_hits(logits: Tensor, labels: Tensor) -> NDArray[np.int64]:
    """(2,): on how many rows of (n, classes) the label is the likeliest class, and among the five likeliest."""
    first = (logits.argmax(1) == labels).sum()
    among = (logits.topk(min(TOP[-1], logits.shape[1]), dim=1).indices == labels[:, None]).any(1).sum()
    return np.array(torch.stack([first, among]).tolist(), dtype=np.int64)


def fold_unit(
    supernet: StoredSupernet, resolution: int, prefix: Choices, device: torch.device = CPU
) -> FoldedLayers:
    """The unit that ends a prefix of choices, with the statistics that belong there."""
    assert supernet.statistics is not None
    _, layers, _ = locate_unit(supernet.architecture, resolution, prefix)
    statistics = supernet.statistics.find_unit(resolution, prefix)
    return FoldedLayers(layers, cut_weights({**supernet.arrays, **statistics}, layers), device)
