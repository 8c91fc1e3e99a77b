"""The supernet in torch: one module that runs any subnet of its architecture, for training and evaluation.

The way from a budget to a bundle imports neither this file nor torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.supernet.elastic_modules import ElasticConv, ElasticDepthwise
from compofa_deploy.supernet.layer_modules import (
    Bottleneck,
    Classifier,
    Conv,
    InvertedResidual,
    MaxPool,
    Pool,
)
from latency_tables.layer import Layer


class Supernet(nn.Module):
    """All weights of an architecture. It runs any list of the architecture's layers.

    The names in the state dict are ``<layer name>.<part>``, as in ``blocks.7.expand_bn.weight``.

    Args:
        architecture: The architecture.
        dropout: The dropout rate before the classifier in training.
    """

    def __init__(self, architecture: Architecture, dropout: float = 0.1) -> None:
        super().__init__()
        self.architecture = architecture
        self.blocks = nn.ModuleList()
        for layer in list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1])):
            module = self._build(layer, dropout)
            if layer.name.startswith("blocks."):
                self.blocks.append(module)
            else:
                self.add_module(layer.name, module)
        self.initialise(torch.Generator().manual_seed(0))

    def _build(self, layer: Layer, dropout: float) -> nn.Module:
        if layer.kind == "conv":
            return Conv(layer)
        if layer.kind == "mbconv":
            elastic = self.architecture.elastic_kernel and layer.has_expansion
            return InvertedResidual(layer, (3, 5, 7) if elastic else (layer.kernel,))
        if layer.kind == "bottleneck":
            return Bottleneck(layer)
        if layer.kind == "max_pool":
            return MaxPool()
        if layer.kind == "pool":
            return Pool()
        return Classifier(layer, dropout)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw the weights anew: He's normal distribution by fan-out, and a deviation of 0.01 for the classifier."""
        for module in self.modules():
            if isinstance(module, ElasticConv | ElasticDepthwise):
                fan_out = module.weight.shape[0] * module.weight.shape[2] ** 2
                if isinstance(module, ElasticDepthwise):
                    fan_out = module.weight.shape[2] ** 2
                module.weight.normal_(0, (2 / fan_out) ** 0.5, generator=generator)
            elif isinstance(module, Classifier):
                module.weight.normal_(0, 0.01, generator=generator)

    def forward(self, x: Tensor, layers: Sequence[Layer]) -> Tensor:
        """Run images through layers.

        Args:
            x: (batch, 3, side, side): the images, or the input of the first of the layers.
            layers: The layers of a subnet, or consecutive layers of it.

        Returns:
            (batch, classes): the logits, or the output of the last layer.
        """
        for layer in layers:
            x = self.get_submodule(layer.name)(x, layer)
        return x
