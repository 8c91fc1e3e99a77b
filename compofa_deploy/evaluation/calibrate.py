"""Batch-norm calibration of all compound subnets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from compofa_deploy.evaluation.tree import walk
from compofa_deploy.images import Preprocess
from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.module import ElasticBatchNorm, Supernet
from compofa_deploy.supernet.statistics import (
    Choices,
    StatisticsStore,
    encode_statistics,
    list_statistics,
    locate_unit,
    make_row,
)
from compofa_deploy.training.data import LabelledImages


def calibrate(
    supernet: Supernet,
    images: LabelledImages,
    preprocess: Preprocess,
    resolutions: Sequence[int],
    on_progress: Callable[[int, Choices], None] = lambda resolution, prefix: None,
) -> StatisticsStore:
    """Statistics of every compound subnet at every resolution, over all of ``images`` as one batch.

    Each batch norm is given the mean and variance of what the subnet's own layers before it make of the images.
    """
    rows: dict[tuple[int, str], dict[int, Array]] = {}
    momenta = {norm: norm.momentum for norm in supernet.modules() if isinstance(norm, ElasticBatchNorm)}
    state = {name: buffer.numpy() for name, buffer in supernet.named_buffers()}
    was_training = supernet.training
    supernet.train()
    for norm in momenta:
        norm.momentum = 1.0
    try:
        for resolution in resolutions:

            def run(prefix: Choices, x: Tensor, resolution: int = resolution) -> Tensor:
                unit, layers, row = locate_unit(supernet.architecture, resolution, prefix)
                normed = [layer for layer in layers if list_statistics([layer])]
                x = supernet(x, normed)
                rows.setdefault((resolution, unit), {})[row] = make_row(normed, state)
                on_progress(resolution, prefix)
                return x

            with torch.inference_mode():
                pixels = preprocess.normalise(images.resize(resolution))
                batch = torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last)
                for _ in walk(run, batch):
                    pass
    finally:
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        supernet.train(was_training)
    return encode_statistics(supernet.architecture, rows)
