"""The numerical reference: a subnet's forward pass in float64, independent of the graphs that it checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.supernet.cut import Array
from latency_tables.layer import Layer

Double = NDArray[np.float64]


def run_reference(
    layers: Sequence[Layer], weights: Mapping[str, Array], images: NDArray[np.floating]
) -> Double:
    """Run images through layers in float64.

    Batch norm is not folded, and no code is shared with the graphs, so that neither hides an error of the other.

    Args:
        layers: A subnet's layers, or consecutive layers of it.
        weights: The subnet's arrays by name.
        images: (n, 3, side, side): the normalised images, or the input of the first of the layers.

    Returns:
        (n, classes): the logits, or the output of the last layer.
    """
    # With channels last, a 1x1 convolution is one matrix product, and a shifted window is contiguous.
    x = np.ascontiguousarray(np.moveaxis(images.astype(np.float64), 1, -1))
    for layer in layers:
        x = _LayerRun(layer, weights).run(x)
    return x if x.ndim == 2 else np.ascontiguousarray(np.moveaxis(x, -1, 1))


class _LayerRun:
    """One layer's arithmetic on channels-last features (n, side, side, channels)."""

    def __init__(self, layer: Layer, weights: Mapping[str, Array]) -> None:
        self.layer, self.weights = layer, weights

    def run(self, x: Double) -> Double:
        layer = self.layer
        if layer.kind == "pool":
            return _pool(x)
        if layer.kind == "linear":
            return x.reshape(len(x), -1) @ self._array("weight").T + self._array("bias")
        if layer.kind == "conv":
            inputs, x = x, self._convolve("conv", x, layer.stride)
            x = _activate(self._normalise("bn", x) if layer.norm else x, layer.act)
            return x + inputs if layer.skip else x
        if layer.kind == "max_pool":
            largest: Double = np.max(_shift_windows(x, layer.kernel, layer.stride, -np.inf), axis=0)
            return largest
        return self._run_bottleneck(x) if layer.kind == "bottleneck" else self._run_block(x)

    def _run_bottleneck(self, x: Double) -> Double:
        layer, inputs = self.layer, x
        if layer.has_shortcut:
            inputs = self._normalise("shortcut_bn", self._convolve("shortcut", _average(x, layer.stride)))
        x = _activate(self._normalise("reduce_bn", self._convolve("reduce", x)), layer.act)
        x = _activate(self._normalise("spatial_bn", self._convolve("spatial", x, layer.stride)), layer.act)
        x = self._normalise("restore_bn", self._convolve("restore", x))
        return _activate(x + inputs, layer.act)

    def _run_block(self, x: Double) -> Double:
        layer, inputs = self.layer, x
        if layer.has_expansion:
            x = _activate(self._normalise("expand_bn", self._convolve("expand", x)), layer.act)
        x = _activate(self._normalise("depthwise_bn", self._convolve_depthwise(x)), layer.act)
        if layer.se:
            x = self._excite(x)
        x = self._normalise("project_bn", self._convolve("project", x))
        return x + inputs if layer.skip else x

    def _array(self, part: str) -> Double:
        return self.weights[f"{self.layer.name}.{part}"].astype(np.float64)

    def _convolve(self, part: str, x: Double, stride: int = 1) -> Double:
        weight = self._array(f"{part}.weight")
        kernel = weight.shape[-1]
        windows = _shift_windows(x, kernel, stride)
        taps = [weight[:, :, row, column].T for row in range(kernel) for column in range(kernel)]
        total: Double = windows[0] @ taps[0]
        for window, tap in zip(windows[1:], taps[1:], strict=True):
            total += window @ tap
        return total

    def _convolve_depthwise(self, x: Double) -> Double:
        kernel = self.layer.kernel
        taps = self._array("depthwise.weight").reshape(-1, kernel**2).T
        windows = _shift_windows(x, kernel, self.layer.stride)
        total: Double = windows[0] * taps[0]
        for window, tap in zip(windows[1:], taps[1:], strict=True):
            total += window * tap
        return total

    def _normalise(self, part: str, x: Double) -> Double:
        mean, var = self._array(f"{part}.running_mean"), self._array(f"{part}.running_var")
        scaled: Double = (x - mean) / np.sqrt(var + self.layer.norm_eps) * self._array(f"{part}.weight")
        return scaled + self._array(f"{part}.bias")

    def _excite(self, x: Double) -> Double:
        squeezed = np.maximum(self._convolve("se.reduce", _pool(x)) + self._array("se.reduce.bias"), 0)
        return x * _hard_sigmoid(self._convolve("se.expand", squeezed) + self._array("se.expand.bias"))


def _shift_windows(x: Double, kernel: int, stride: int, padding: float = 0.0) -> list[Double]:
    """Return views of the padded features, one for each place in the kernel, row by row."""
    edge, side = kernel // 2, x.shape[1]
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), constant_values=padding)
    return [
        padded[:, row : row + side : stride, column : column + side : stride]
        for row in range(kernel)
        for column in range(kernel)
    ]


def _average(x: Double, stride: int) -> Double:
    """Return the means of stride x stride pixels; windows at the far edges average the pixels that exist."""
    starts = np.arange(0, x.shape[1], stride)
    counts = np.diff(np.append(starts, x.shape[1]))
    total = np.add.reduceat(np.add.reduceat(x, starts, axis=1), starts, axis=2)
    mean: Double = total / (counts[:, None, None] * counts[:, None])
    return mean


def _pool(x: Double) -> Double:
    mean: Double = x.mean((1, 2), keepdims=True)
    return mean


def _hard_sigmoid(x: Double) -> Double:
    return np.clip(x + 3, 0, 6) / 6


def _activate(x: Double, act: str) -> Double:
    if act == "relu":
        return np.maximum(x, 0)
    if act == "relu6":
        return np.clip(x, 0, 6)
    return x * _hard_sigmoid(x) if act == "h_swish" else x
