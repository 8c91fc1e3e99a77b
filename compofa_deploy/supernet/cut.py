"""Cutting a subnet's weights from a supernet's arrays, with numpy alone: slices and transformed kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import FormatError
from latency_tables.layer import Layer

Array = NDArray[np.float32]
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def list_shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a layer, by the part of the array's name that follows the layer's name.

    >>> list_shapes(Layer("classifier", "linear", 1280, 10, 1, 1, bias=True))
    {'weight': (10, 1280), 'bias': (10,)}
    """
    if layer.kind in ("pool", "max_pool"):
        return {}
    if layer.kind == "linear":
        return {"weight": (layer.out_channels, layer.in_channels), "bias": (layer.out_channels,)}
    if layer.kind == "conv":
        weight = {"conv.weight": (layer.out_channels, layer.in_channels, layer.kernel, layer.kernel)}
        return {**weight, **(_norm("bn", layer.out_channels) if layer.norm else {})}
    if layer.kind == "bottleneck":
        return _list_bottleneck(layer)
    mid, squeezed = layer.mid_channels, layer.se_channels
    shapes: dict[str, tuple[int, ...]] = {}
    if layer.has_expansion:
        shapes = {"expand.weight": (mid, layer.in_channels, 1, 1), **_norm("expand_bn", mid)}
    shapes |= {"depthwise.weight": (mid, 1, layer.kernel, layer.kernel), **_norm("depthwise_bn", mid)}
    if layer.se:
        shapes |= {
            "se.reduce.weight": (squeezed, mid, 1, 1),
            "se.reduce.bias": (squeezed,),
            "se.expand.weight": (mid, squeezed, 1, 1),
            "se.expand.bias": (mid,),
        }
    return {
        **shapes,
        "project.weight": (layer.out_channels, mid, 1, 1),
        **_norm("project_bn", layer.out_channels),
    }


def _list_bottleneck(layer: Layer) -> dict[str, tuple[int, ...]]:
    mid, out = layer.mid_channels, layer.out_channels
    shapes: dict[str, tuple[int, ...]] = {
        "reduce.weight": (mid, layer.in_channels, 1, 1),
        **_norm("reduce_bn", mid),
        "spatial.weight": (mid, mid, layer.kernel, layer.kernel),
        **_norm("spatial_bn", mid),
        "restore.weight": (out, mid, 1, 1),
        **_norm("restore_bn", out),
    }
    if layer.has_shortcut:
        shapes |= {"shortcut.weight": (out, layer.in_channels, 1, 1), **_norm("shortcut_bn", out)}
    return shapes


def cut_weights(arrays: Mapping[str, Array], layers: Sequence[Layer]) -> dict[str, Array]:
    """Cut a subnet's arrays from a supernet's: the first channels of each, and transformed kernels.

    Args:
        arrays: The supernet's arrays by name.
        layers: The subnet's layers.

    Returns:
        The subnet's arrays under the supernet's names. Slices are views of the supernet's arrays.

    Raises:
        FormatError: An array is missing or too small; the first is named.
    """
    cut = {}
    for layer in layers:
        for part, shape in list_shapes(layer).items():
            name = f"{layer.name}.{part}"
            source = arrays.get(name)
            if source is None:
                raise FormatError(
                    f"the supernet has no array {name}; it is of another architecture, or cut off"
                )
            if part == "depthwise.weight":
                source = cut_kernel(arrays, name, shape[0], layer.kernel)
            if source.ndim != len(shape) or any(
                have < want for have, want in zip(source.shape, shape, strict=True)
            ):
                raise FormatError(
                    f"array {name} of the supernet is {list(source.shape)}; the subnet needs {list(shape)}"
                )
            cut[name] = source[tuple(slice(n) for n in shape)]
    return cut


def cut_kernel(arrays: Mapping[str, Array], name: str, channels: int, kernel: int) -> Array:
    """Return (channels, 1, kernel, kernel): a depthwise weight, cut from the largest kernel.

    Each step takes the centre, flattens it, and multiplies it by a learned matrix (Once-for-All, section 3.3).

    Args:
        arrays: The supernet's arrays by name.
        name: The name of the depthwise weight.
        channels: The number of first channels to cut.
        kernel: The kernel size.

    Raises:
        FormatError: A matrix is missing, or the weight is smaller than the kernel.
    """
    weight = arrays[name][:channels]
    while (size := weight.shape[-1]) > kernel:
        centre = weight[:, :, 1:-1, 1:-1].reshape(len(weight), -1)
        matrix_name = f"{name.removesuffix('weight')}matrix_{size}to{size - 2}"
        if matrix_name not in arrays:
            raise FormatError(
                f"the supernet has no {matrix_name}: kernel {kernel} cannot be cut from its {size}x{size} weights"
            )
        weight = (centre @ arrays[matrix_name].T).reshape(-1, 1, size - 2, size - 2)
    if size < kernel:
        raise FormatError(
            f"array {name} of the supernet is {size}x{size}; the subnet needs {kernel}x{kernel}"
        )
    return weight


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in NORM_PARTS}
