"""Averaging gradients over the processes of a training.

The exchange is plain torch.distributed. DistributedDataParallel averages in every backward pass, and has to be told
which parameters a pass used. Here the gradients of several subnets are summed before one exchange. All processes draw
the same subnets, so a parameter without a gradient has none in any process. It is left out, and the optimizer does not
change it, as in a single process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Parameter

from compofa_deploy.training.machine import Machine


class GradientAverager:
    """Averages gradients over all processes, in one exchange a step."""

    def __init__(self, machine: Machine) -> None:
        self.world = machine.ranks.world
        self.group: Any = None
        if self.world > 1 and machine.device.type == "cuda":
            torch.cuda.set_device(machine.device)
            self.group = dist.new_group(backend="nccl")

    def average(self, parameters: Sequence[Parameter], values: Tensor) -> Tensor:
        """Replace each gradient by its mean over the processes.

        Args:
            parameters: Those whose gradients are averaged; parameters without a gradient are left out.
            values: What this process reports besides, such as losses, (k,).

        Returns:
            The mean of the values over the processes, (k,).
        """
        if self.world == 1:
            return values
        gradients = [p.grad for p in parameters if p.grad is not None]
        together = torch.cat([*(g.reshape(-1) for g in gradients), values.to(gradients[0])])
        dist.all_reduce(together, group=self.group)
        together /= self.world
        parts = torch.split(together, [*(g.numel() for g in gradients), len(values)])
        for gradient, part in zip(gradients, parts, strict=False):
            gradient.copy_(part.view(gradient.shape))
        mean: Tensor = parts[-1]
        return mean
