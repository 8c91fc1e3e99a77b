"""Torch modules of whole layers, one for each kind of layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compofa_deploy.supernet.elastic_modules import (
    ElasticBatchNorm,
    ElasticConv,
    ElasticDepthwise,
    SqueezeExcitation,
)
from latency_tables.layer import Layer


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
