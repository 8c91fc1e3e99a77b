"""Layers with folded batch norm in torch, which evaluation runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from compofa_deploy.graph.fold import fold_norm
from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.layer import Layer


class FoldedLayers:
    """Consecutive layers as plain convolutions, on channels-last tensors."""

    def __init__(
        self, layers: Sequence[Layer], weights: Mapping[str, Array], device: torch.device | str = "cpu"
    ) -> None:
        """Fold the batch norms of some layers.

        Args:
            layers: Consecutive layers of a subnet.
            weights: Their arrays by name, as :func:`compofa_deploy.supernet.cut.cut_weights` returns them.
            device: Where torch computes.
        """
        self.layers, self.device = tuple(layers), device
        self.tensors: dict[str, tuple[Tensor, Tensor | None]] = {}
        for layer in layers:
            self._fold(layer, weights)

    def _fold(self, layer: Layer, weights: Mapping[str, Array]) -> None:
        shapes = list_shapes(layer)
        if layer.kind == "linear":
            self._hold(layer.name, weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"])
            return
        norms = {"conv": "bn", "expand": "expand_bn", "depthwise": "depthwise_bn", "project": "project_bn"}
        for part in ("conv", "expand", "depthwise", "se.reduce", "se.expand", "project"):
            name, shape = f"{layer.name}.{part}", shapes.get(f"{part}.weight")
            if shape is None:
                continue
            if f"{norms.get(part)}.weight" in shapes:
                self._hold(
                    name, *fold_norm(weights, name, f"{layer.name}.{norms[part]}", shape, layer.norm_eps)
                )
            else:
                self._hold(name, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def _hold(self, name: str, weight: Array, bias: Array | None) -> None:
        tensor = torch.tensor(weight)
        if tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        held = None if bias is None else torch.tensor(bias, device=self.device)
        self.tensors[name] = (tensor.to(self.device), held)

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        """Run all layers on (n, channels, side, side); the output behind the classifier is (n, classes)."""
        for layer in self.layers:
            x = self._run(layer, x)
        return x

    def _run(self, layer: Layer, x: Tensor) -> Tensor:
        if layer.kind == "pool":
            return x.mean((2, 3), keepdim=True)
        if layer.kind == "linear":
            return F.linear(x.flatten(1), *self.tensors[layer.name])
        if layer.kind == "conv":
            return _activate(self._convolve(layer, "conv", x, layer.kernel, layer.stride), layer.act)
        inputs = x
        if layer.has_expansion:
            x = _activate(self._convolve(layer, "expand", x), layer.act)
        x = self._convolve(layer, "depthwise", x, layer.kernel, layer.stride, layer.mid_channels)
        x = _activate(x, layer.act)
        if layer.se:
            gate = F.relu_(self._convolve(layer, "se.reduce", x.mean((2, 3), keepdim=True)))
            x = x.mul_(F.hardsigmoid(self._convolve(layer, "se.expand", gate), inplace=True))
        x = self._convolve(layer, "project", x)
        return x.add_(inputs) if layer.skip else x

    def _convolve(
        self, layer: Layer, part: str, x: Tensor, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> Tensor:
        weight, bias = self.tensors[f"{layer.name}.{part}"]
        return F.conv2d(x, weight, bias, stride, kernel // 2, groups=groups)


def _activate(x: Tensor, act: str) -> Tensor:
    if act == "relu":
        return F.relu_(x)
    if act == "relu6":
        return F.relu6(x, inplace=True)
    return F.hardswish(x, inplace=True) if act == "h_swish" else x
