"""The gradients of one subnet's loss, over the parts of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.training.loss import training_loss
from compofa_deploy.training.machine import Machine


class SubnetGradients:
    """Runs subnets of a supernet forward and backward on a machine."""

    def __init__(self, supernet: Supernet, machine: Machine, label_smoothing: float) -> None:
        self.supernet, self.machine, self.label_smoothing = supernet, machine, label_smoothing

    def add(
        self,
        subnet: Subnet,
        parts: Sequence[tuple[Tensor, Tensor]],
        teacher_logits: Sequence[Tensor | None],
        distillation: float,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Add the gradients of a subnet's mean loss to those of the supernet's parameters.

        Args:
            subnet: The subnet.
            parts: Images (n, 3, side, side) and targets of each part of the batch.
            teacher_logits: The teacher's logits (n, classes) for each part; None where there is no teacher.
            distillation: k of the loss.

        Returns:
            The mean loss over all parts, and the logits of each part.
        """
        layers = list_layers(self.supernet.architecture, subnet)
        count = sum(len(images) for images, _ in parts)
        total = torch.zeros((), device=self.machine.device)
        made: list[Tensor | None] = []
        for (images, targets), taught in zip(parts, teacher_logits, strict=True):
            with self._casting():
                logits = self.supernet(images, layers).to(images.dtype)
            loss = training_loss(logits, targets, self.label_smoothing, taught, distillation)
            loss = loss * (len(images) / count)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
            made.append(logits.detach())
        return total, made

    @torch.no_grad()
    def run_teacher(self, teacher: Supernet, images: Tensor) -> Tensor:
        """Return a teacher's logits of its largest subnet; batch norm takes the images' statistics, as in training."""
        layers = list_layers(teacher.architecture, largest_subnet(teacher.architecture, images.shape[-1]))
        with self._casting():
            logits: Tensor = teacher(images, layers)
        return logits.to(images.dtype)

    def _casting(self) -> torch.autocast:
        device = self.machine.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.machine.precision == "bf16")
