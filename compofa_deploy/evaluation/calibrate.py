"""Batch-norm calibration of all compound subnets along shared prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from compofa_deploy.data.labelled import FittableImages
from compofa_deploy.evaluation.shards import SHARDS, Part, take_share, want, weigh
from compofa_deploy.evaluation.tree import walk
from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.supernet.statistics import (
    Prefix,
    StatisticsStore,
    encode_statistics,
    list_statistics,
    locate_unit,
    make_row,
)
from compofa_deploy.torch_process.distributed import Ranks
from latency_tables.layer import Layer

Rows = dict[tuple[int, str], dict[int, Array]]
"""Statistics by resolution and unit, then by the row of the choices before that unit."""


def calibrate(
    supernet: Supernet,
    images: FittableImages,
    preprocess: Preprocess,
    resolutions: Sequence[int],
    on_progress: Callable[[int, Prefix], None] = lambda resolution, prefix: None,
    ranks: Ranks = Ranks(),  # noqa: B008
) -> StatisticsStore:
    """Compute the batch-norm statistics of every compound subnet at every resolution.

    The statistics of a batch norm are the mean and variance of its inputs, when the layers of the subnet before it run
    on all images as one batch.

    Args:
        supernet: The module computes where it is, on the CPU or a GPU.
        images: Their labels are not used.
        preprocess: The supernet's preprocessing.
        resolutions: In pixels.
        on_progress: Called with the resolution and the prefix of each unit that has run.
        ranks: The processes that share the work, each on the same images. All of them return all statistics.
    """
    parts = [Part(resolution, "", 0, len(images), shard) for resolution in resolutions for shard in SHARDS]
    parts = take_share(parts, [weigh(supernet.architecture, part) for part in parts], ranks)
    rows: Rows = {}
    with calibrating(supernet), torch.inference_mode():
        for resolution in resolutions:
            shards = [part.shard for part in parts if part.resolution == resolution]
            if not shards:
                continue

            def run(prefix: Prefix, x: Tensor, resolution: int = resolution) -> Tensor:
                unit, layers, row = locate_unit(supernet.architecture, resolution, prefix)
                normed = [layer for layer in layers if list_statistics([layer])]
                x = supernet(x, normed)
                rows.setdefault((resolution, unit), {})[row] = make_row(normed, read_state(supernet, normed))
                on_progress(resolution, prefix)
                return x

            for _ in walk(run, load_batch(supernet, images, preprocess, resolution), want(shards)):
                pass
    joined: Rows = {}
    for found in ranks.gather(rows):
        for unit, by_row in found.items():
            joined.setdefault(unit, {}).update(by_row)
    return encode_statistics(supernet.architecture, joined)


@contextmanager
def calibrating(supernet: Supernet) -> Iterator[None]:
    """Within the block, the running statistics of a batch norm are those of the last batch that it normalised."""
    momenta = {norm: norm.momentum for norm in supernet.modules() if isinstance(norm, ElasticBatchNorm)}
    was_training = supernet.training
    supernet.train()
    for norm in momenta:
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        supernet.train(was_training)


def load_batch(supernet: Supernet, images: FittableImages, preprocess: Preprocess, resolution: int) -> Tensor:
    """All images as one input (n, 3, resolution, resolution), on the supernet's device."""
    pixels = torch.from_numpy(preprocess.normalise(images.resize(resolution)))
    return pixels.to(next(supernet.parameters()).device).contiguous(memory_format=torch.channels_last)


def read_state(supernet: Supernet, layers: Sequence[Layer]) -> dict[str, Array]:
    """The running statistics of these layers, by name, in the supernet's full width."""
    return {name: supernet.get_buffer(name).cpu().numpy() for name, _ in list_statistics(layers)}
