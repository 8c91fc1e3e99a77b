"""Counting how many images compound subnets get right, along shared prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compofa_deploy.data.labelled import FittableImages
from compofa_deploy.evaluation.folded import FoldedLayers
from compofa_deploy.evaluation.tree import walk
from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.cut import cut_weights
from compofa_deploy.supernet.statistics import Prefix, locate_unit
from compofa_deploy.supernet.stored import StoredSupernet

CPU = torch.device("cpu")

BATCH_PIXELS = {"cpu": 256_000, "cuda": 25_000_000}
"""Pixels that run through a unit at once. More do not fit the cache of a core. Results do not depend on this."""

HELD_BYTES = {"cpu": 2 * 10**9, "cuda": 8 * 10**9}
"""The memory that the activations may take which are held during a walk."""

TOP = (1, 5)
"""Hits are counted among so many of the likeliest classes."""


def count_group(architecture: Architecture, resolution: int, device: torch.device = CPU) -> int:
    """How many images are walked at once: as many as ``HELD_BYTES`` has room for the output of every stage of."""
    units = list_units(architecture, resolution)
    ends = [units.stem[-1], *(stage[-1][-1] for stage in units.stages)]
    floats = 3 * resolution**2 + sum(layer.out_channels * layer.out_size**2 for layer in ends)
    return max(1, HELD_BYTES[device.type] // (4 * floats))


def count_right(
    supernet: StoredSupernet,
    images: FittableImages,
    resolution: int,
    wanted: Callable[[Prefix], bool] = lambda prefix: True,
    device: torch.device = CPU,
) -> NDArray[np.int64]:
    """Count how many of the images each compound subnet gets right at a resolution.

    Args:
        supernet: A supernet with batch-norm statistics at the resolution.
        images: All of them are held at once, with the activations of every stage.
        resolution: In pixels.
        wanted: Says of a prefix of choices whether its subnets are counted.
        device: Where torch computes.

    Returns:
        Top-1 hits and top-5 hits (2, 243), in the order of ``COMPOUND_DEPTHS``; 0 for subnets that are not wanted.
    """
    counts = np.zeros((len(TOP), len(COMPOUND_DEPTHS)), dtype=np.int64)
    for choices, hits in count_subnets(supernet, images, resolution, wanted, device):
        counts[:, locate_subnet(choices)] = hits
    return counts


def count_subnets(
    supernet: StoredSupernet,
    images: FittableImages,
    resolution: int,
    wanted: Callable[[Prefix], bool] = lambda prefix: True,
    device: torch.device = CPU,
    on_unit: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Prefix, NDArray[np.int64]]]:
    """Yield each compound subnet's choices with its top-1 and top-5 hits (2,), smallest subnet first.

    Args:
        supernet: A supernet with batch-norm statistics at the resolution.
        images: All of them are held at once, with the activations of every stage.
        resolution: In pixels.
        wanted: Says of a prefix of choices whether its subnets are counted.
        device: Where torch computes.
        on_unit: Called when a unit has run.
    """
    labels = torch.from_numpy(images.labels).to(device)

    def run(prefix: Prefix, batches: list[Tensor]) -> list[Tensor]:
        unit = fold_unit(supernet, resolution, prefix, device)
        done = [unit(batch) for batch in batches]
        on_unit()
        return done

    # TF32 on a GPU would give other numbers than a CPU.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        batches = load_batches(images, resolution, supernet.preprocess, device)
        for choices, logits in walk(run, batches, wanted):
            yield choices, count_hits(torch.cat(logits), labels)


def locate_subnet(choices: Prefix) -> int:
    """The index of the subnet of five choices in ``COMPOUND_DEPTHS``."""
    return int(np.ravel_multi_index(choices, (len(DEPTHS),) * STAGES))


def load_batches(
    images: FittableImages, resolution: int, preprocess: Preprocess, device: torch.device
) -> list[Tensor]:
    """All images as network inputs (n, 3, resolution, resolution), channels last, in batches that suit the device."""
    pixels = preprocess.normalise(images.resize(resolution))
    batch = max(1, BATCH_PIXELS[device.type] // resolution**2)
    return [
        torch.from_numpy(pixels[i : i + batch]).to(device).contiguous(memory_format=torch.channels_last)
        for i in range(0, len(pixels), batch)
    ]


def count_hits(logits: Tensor, labels: Tensor) -> NDArray[np.int64]:
    """Count on how many rows the label is the likeliest class, and on how many it is among the five likeliest.

    Args:
        logits: (n, classes).
        labels: (n,).

    Returns:
        Two counts (2,).
    """
    first = (logits.argmax(1) == labels).sum()
    among = (logits.topk(min(TOP[-1], logits.shape[1]), dim=1).indices == labels[:, None]).any(1).sum()
    return np.array(torch.stack([first, among]).tolist(), dtype=np.int64)


def fold_unit(
    supernet: StoredSupernet, resolution: int, prefix: Prefix, device: torch.device = CPU
) -> FoldedLayers:
    """The unit that ends a prefix of choices, with the batch-norm statistics of that prefix."""
    assert supernet.statistics is not None
    _, layers, _ = locate_unit(supernet.architecture, resolution, prefix)
    statistics = supernet.statistics.find_unit(resolution, prefix)
    return FoldedLayers(layers, cut_weights({**supernet.arrays, **statistics}, layers), device)
