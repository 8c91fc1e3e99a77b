"""Batch norm over all processes of a training, two exchanges for each layer and pass."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm


class SyncedBatchNorm(ElasticBatchNorm):
    """Batch norm that normalises by the statistics of all processes' images in training."""

    group: Any = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        channels, count = x.shape[1], x.numel() // x.shape[1] * dist.get_world_size()
        mean = _Sum.apply(x.sum((0, 2, 3)), self.group) / count  # type: ignore[no-untyped-call]
        centred = x - mean.view(1, -1, 1, 1)
        variance = _Sum.apply(centred.square().sum((0, 2, 3)), self.group) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.running_mean[:channels].lerp_(mean, self.momentum)
            self.running_var[:channels].lerp_(variance * count / max(1, count - 1), self.momentum)
        scale = self.weight[:channels] * torch.rsqrt(variance + self.eps)
        normed: Tensor = centred * scale.view(1, -1, 1, 1) + self.bias[:channels].view(1, -1, 1, 1)
        return normed


class _Sum(torch.autograd.Function):
    """Sums values over processes in the forward pass, and their gradients in the backward pass."""

    @staticmethod
    def forward(context: Any, values: Tensor, group: Any) -> Tensor:
        context.group = group
        total = values.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.clone()
        dist.all_reduce(total, group=context.group)
        return total, None


def sync_batch_norm(supernet: nn.Module, group: Any) -> None:
    """Replace every batch norm of a supernet by one that takes its statistics over all processes.

    Args:
        supernet: The module, which is changed in place; its parameters keep their names.
        group: The process group of the exchange; None is the default one.
    """
    for module in list(supernet.modules()):
        for name, child in list(module.named_children()):
            if type(child) is ElasticBatchNorm:
                synced = SyncedBatchNorm(len(child.weight), child.eps)
                synced.momentum, synced.group = child.momentum, group
                synced.weight, synced.bias = child.weight, child.bias
                synced.running_mean, synced.running_var = child.running_mean, child.running_var
                setattr(module, name, synced)
