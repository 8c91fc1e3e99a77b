"""The exponential moving average (EMA) of a supernet's weights, which is less noisy than the last step's weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps the moving average of a module's parameters over the steps of a phase.

    The decay of step t is at most (1 + t) / (10 + t), so that the first weights are soon forgotten. Batch norm's
    running statistics are not averaged, since they are computed anew for each subnet.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.names = [name for name, _ in module.named_parameters()]
        self.parameters: Sequence[Tensor] = [parameter.detach() for parameter in module.parameters()]
        self.averages = [parameter.clone() for parameter in self.parameters]
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of one more step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.averages, list(self.parameters), 1 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the module's weights by their averages."""
        torch._foreach_copy_(list(self.parameters), self.averages)

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps: the averages by name, and how many steps they cover."""
        return {"averages": dict(zip(self.names, self.averages, strict=True)), "steps": self.steps}

    @torch.no_grad()
    def restore(self, averages: dict[str, Tensor], steps: int) -> None:
        """Take back what :meth:`state` returned.

        Args:
            averages: The averages by parameter name.
            steps: How many steps they cover.
        """
        for name, own in zip(self.names, self.averages, strict=True):
            own.copy_(averages[name])
        self.steps = steps
