"""The supernet in torch: one module that runs any subnet of its architecture, for training and evaluation.

The way from a budget to a bundle imports neither this file nor torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import largest_subnet, list_layers
from latency_tables.layer import NORM_EPS, Layer

BN_MOMENTUM = 0.1


def take_first(values: Tensor, count: int) -> Tensor:
    """Return the first ``count`` entries of a tensor; the tensor itself where it has no more.

    A view of all entries would cost its part of each training step: its gradient is copied into zeros.
    """
    return values if len(values) == count else values[:count]


class ElasticBatchNorm(nn.Module):
    """Batch norm over the first channels of a wide layer. Parameters and statistics are cut to the input's width."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = NORM_EPS) -> None:
        super().__init__()
        self.momentum, self.eps = BN_MOMENTUM, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        mean, variance, weight, bias = (
            take_first(values, n) for values in (self.running_mean, self.running_var, self.weight, self.bias)
        )
        return F.batch_norm(x, mean, variance, weight, bias, self.training, self.momentum, self.eps)


class ElasticDepthwise(nn.Module):
    """A depthwise convolution whose kernel is cut from the largest kernel.

    A smaller kernel is the centre of the next larger one, flattened and multiplied by a learned square matrix. All
    channels share the matrix (Once-for-All, section 3.3).

    Args:
        channels: The number of channels of the widest subnet.
        kernels: The kernel sizes, ascending.
        stride: The stride.
    """

    def __init__(self, channels: int, kernels: Sequence[int], stride: int) -> None:
        super().__init__()
        self.kernels, self.stride = tuple(kernels), stride
        self.weight = nn.Parameter(torch.empty(channels, 1, kernels[-1], kernels[-1]))
        for smaller, larger in zip(self.kernels, self.kernels[1:], strict=False):
            self.register_parameter(f"matrix_{larger}to{smaller}", nn.Parameter(torch.eye(smaller**2)))

    def cut(self, channels: int, kernel: int) -> Tensor:
        """Return (channels, 1, kernel, kernel): the weight of the first channels at a kernel size."""
        weight: Tensor = take_first(self.weight, channels)
        for smaller, larger in reversed(list(zip(self.kernels, self.kernels[1:], strict=False))):
            if larger <= kernel:
                break
            edge = (larger - smaller) // 2
            centre = weight[:, :, edge : edge + smaller, edge : edge + smaller].reshape(channels, -1)
            weight = F.linear(centre, getattr(self, f"matrix_{larger}to{smaller}")).view(
                channels, 1, smaller, smaller
            )
        return weight

    def forward(self, x: Tensor, kernel: int) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(
            x, self.cut(channels, kernel), stride=self.stride, padding=kernel // 2, groups=channels
        )


class ElasticConv(nn.Module):
    """A convolution that is cut to its first input and output channels. The bias is optional."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor, out_channels: int, stride: int = 1) -> Tensor:
        weight = take_first(self.weight, out_channels)
        if x.shape[1] < weight.shape[1]:
            weight = weight[:, : x.shape[1]]
        bias = None if self.bias is None else take_first(self.bias, out_channels)
        return F.conv2d(x, weight, bias, stride, self.weight.shape[-1] // 2)


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation: global mean, reduction, ReLU, expansion, hard sigmoid, scaling."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = ElasticConv(channels, squeezed, bias=True)
        self.expand = ElasticConv(squeezed, channels, bias=True)

    def forward(self, x: Tensor, squeezed: int) -> Tensor:
        gate = F.relu(self.reduce(x.mean((2, 3), keepdim=True), squeezed))
        return x * F.hardsigmoid(self.expand(gate, x.shape[1]))


class Conv(nn.Module):
    """A ``conv`` layer."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.conv = ElasticConv(layer.in_channels, layer.out_channels, layer.kernel)
        self.bn = ElasticBatchNorm(layer.out_channels, layer.norm_eps) if layer.norm else None

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        inputs = x
        x = self.conv(x, layer.out_channels, layer.stride)
        x = activate(x if self.bn is None else self.bn(x), layer.act)
        return x + inputs if layer.skip else x


class InvertedResidual(nn.Module):
    """An ``mbconv`` layer with the width and kernel of the largest subnet."""

    def __init__(self, layer: Layer, kernels: Sequence[int]) -> None:
        super().__init__()
        mid = layer.mid_channels
        self.expand = ElasticConv(layer.in_channels, mid) if layer.has_expansion else None
        self.expand_bn = ElasticBatchNorm(mid, layer.norm_eps) if layer.has_expansion else None
        self.depthwise = ElasticDepthwise(mid, kernels, layer.stride)
        self.depthwise_bn = ElasticBatchNorm(mid, layer.norm_eps)
        self.se = SqueezeExcitation(mid, layer.se_channels) if layer.se else None
        self.project = ElasticConv(mid, layer.out_channels)
        self.project_bn = ElasticBatchNorm(layer.out_channels, layer.norm_eps)

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        inputs = x
        if self.expand is not None and self.expand_bn is not None:
            x = activate(self.expand_bn(self.expand(x, layer.mid_channels)), layer.act)
        x = activate(self.depthwise_bn(self.depthwise(x, layer.kernel)), layer.act)
        if self.se is not None:
            x = self.se(x, layer.se_channels)
        x = self.project_bn(self.project(x, layer.out_channels))
        return x + inputs if layer.skip else x


class Bottleneck(nn.Module):
    """A ``bottleneck`` layer with the width of the largest subnet."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        mid, out, eps = layer.mid_channels, layer.out_channels, layer.norm_eps
        self.reduce = ElasticConv(layer.in_channels, mid)
        self.reduce_bn = ElasticBatchNorm(mid, eps)
        self.spatial = ElasticConv(mid, mid, layer.kernel)
        self.spatial_bn = ElasticBatchNorm(mid, eps)
        self.restore = ElasticConv(mid, out)
        self.restore_bn = ElasticBatchNorm(out, eps)
        self.shortcut = ElasticConv(layer.in_channels, out) if layer.has_shortcut else None
        self.shortcut_bn = ElasticBatchNorm(out, eps) if layer.has_shortcut else None

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        inputs = x
        if self.shortcut is not None and self.shortcut_bn is not None:
            if layer.stride > 1:
                inputs = F.avg_pool2d(inputs, layer.stride, layer.stride, ceil_mode=True)
            inputs = self.shortcut_bn(self.shortcut(inputs, layer.out_channels))
        x = activate(self.reduce_bn(self.reduce(x, layer.mid_channels)), layer.act)
        x = activate(self.spatial_bn(self.spatial(x, layer.mid_channels, layer.stride)), layer.act)
        x = self.restore_bn(self.restore(x, layer.out_channels))
        return activate(x + inputs, layer.act)


class MaxPool(nn.Module):
    """A ``max_pool`` layer."""

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        return F.max_pool2d(x, layer.kernel, layer.stride, layer.kernel // 2)


class Pool(nn.Module):
    """A ``pool`` layer: the global mean, kept as 1 x 1 pixels."""

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        return x.mean((2, 3), keepdim=True)


class Classifier(nn.Module):
    """A ``linear`` layer, with dropout before it in training."""

    def __init__(self, layer: Layer, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.weight = nn.Parameter(torch.empty(layer.out_channels, layer.in_channels))
        self.bias = nn.Parameter(torch.zeros(layer.out_channels))

    def forward(self, x: Tensor, layer: Layer) -> Tensor:
        x = F.dropout(x.flatten(1), self.dropout, self.training)
        weight = self.weight if x.shape[1] == self.weight.shape[1] else self.weight[:, : x.shape[1]]
        return F.linear(x, weight, self.bias)


def activate(x: Tensor, act: str) -> Tensor:
    """Apply a layer's activation.

    ReLU writes its result in place, which saves memory traffic: its gradient needs the result alone, and the gradients
    of the operations before it need no output. The gradient of hard swish needs its input, so it is not in place.

    Args:
        x: The output of a normalisation, a convolution or a sum. It may be overwritten.
        act: The activation, as in :attr:`Layer.act`.
    """
    if act == "none":
        return x
    return {"relu": F.relu_, "relu6": _relu6_in_place, "h_swish": F.hardswish}[act](x)


def _relu6_in_place(x: Tensor) -> Tensor:
    return F.relu6(x, inplace=True)


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
