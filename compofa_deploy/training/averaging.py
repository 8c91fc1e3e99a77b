"""Averaging over the processes of a training: gradients, and batch norm's statistics.

The engine is plain torch.distributed. DistributedDataParallel averages in every backward pass, and has to be told which
parameters one pass used; here several subnets' gradients are summed before one exchange. All processes draw the same
subnets, so that a parameter without a gradient has none in any of them: it is left out, and the optimiser leaves it
alone, weight decay and momentum included, as in a single process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import Parameter

from compofa_deploy.supernet.module import ElasticBatchNorm
from compofa_deploy.training.machine import Machine


class Averager:
    """Averages gradients over all processes, in one exchange a step."""

    def __init__(self, machine: Machine) -> None:
        self.world = machine.ranks.world
        self.group: Any = None
        if self.world > 1 and machine.device.type == "cuda":
            torch.cuda.set_device(machine.device)
            self.group = dist.new_group(backend="nccl")

    def average(self, parameters: Sequence[Parameter], told: Tensor) -> Tensor:
        """Replace each gradient by its mean over the processes; return the mean of what each of them tells, (k,)."""
        if self.world == 1:
            return told
        gradients = [p.grad for p in parameters if p.grad is not None]
        together = torch.cat([*(g.reshape(-1) for g in gradients), told.to(gradients[0])])
        dist.all_reduce(together, group=self.group)
        together /= self.world
        parts = torch.split(together, [*(g.numel() for g in gradients), len(told)])
        for gradient, part in zip(gradients, parts, strict=False):
            gradient.copy_(part.view(gradient.shape))
        mean: Tensor = parts[-1]
        return mean


class SyncedBatchNorm(ElasticBatchNorm):
    """Batch norm whose statistics in training are those of all processes' images together."""

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
    """The sum over processes, of which each has a gradient of its own: they are summed on the way back."""

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
    """Let every batch norm of a supernet take its statistics over all processes; its numbers keep their names."""
    for module in list(supernet.modules()):
        for name, child in list(module.named_children()):
            if type(child) is ElasticBatchNorm:
                synced = SyncedBatchNorm(len(child.weight), child.eps)
                synced.momentum, synced.group = child.momentum, group
                synced.weight, synced.bias = child.weight, child.bias
                synced.running_mean, synced.running_var = child.running_mean, child.running_var
                setattr(module, name, synced)
