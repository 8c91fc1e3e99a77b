"""Torch modules that are cut to a subnet's channels and kernels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latency_tables.layer import NORM_EPS

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
