"""Folding batch norm into the convolution before it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compofa_deploy.supernet.cut import NORM_PARTS, Array
from latency_tables.errors import FormatError


def fetch_array(weights: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    """Return the array of a name.

    Args:
        weights: The subnet's arrays by name.
        name: The array's name.
        shape: The shape that it must have.

    Raises:
        FormatError: The array is missing or of another shape.
    """
    array = weights.get(name)
    if array is None:
        raise FormatError(
            f"the subnet has no array {name}; cut its weights with cut_weights for these layers"
        )
    if array.shape != shape:
        raise FormatError(
            f"array {name} of the subnet is {list(array.shape)}; its layer needs {list(shape)}: "
            "cut its weights with cut_weights for these layers"
        )
    return array


def fold_norm(
    weights: Mapping[str, Array], conv: str, norm: str, shape: tuple[int, ...], eps: float
) -> tuple[Array, Array]:
    """Return weight and bias of the convolution that equals a convolution followed by batch norm.

    The arithmetic is in float64 and rounded once.

    Args:
        weights: The subnet's arrays by name.
        conv: The name of the convolution.
        norm: The name of the batch norm.
        shape: The shape of the weight, output channels first.
        eps: Batch norm's epsilon.

    Returns:
        The weight (of ``shape``) and the bias (output channels,).

    Raises:
        FormatError: An array is missing or of another shape, or a variance is negative or NaN.

    >>> ones = np.ones(1, np.float32)
    >>> arrays = {"conv.weight": 2 * np.ones((1, 1, 1, 1), np.float32), "bn.running_mean": 4 * ones,
    ...           "bn.running_var": ones - np.float32(1e-5), "bn.weight": 3 * ones, "bn.bias": ones}
    >>> [float(part.item()) for part in fold_norm(arrays, "conv", "bn", (1, 1, 1, 1), 1e-5)]
    [6.0, -11.0]
    """
    weight = fetch_array(weights, f"{conv}.weight", shape)
    scale, shift = derive_affine(weights, norm, shape[0], eps)
    folded = np.empty(shape, np.float32)
    # With dtype, numpy widens the numbers in blocks of a cache's size, and not the whole array at once.
    np.multiply(
        weight, scale.reshape(-1, *[1] * (len(shape) - 1)), out=folded, dtype=np.float64, casting="same_kind"
    )
    return folded, shift.astype(np.float32)


def derive_affine(
    weights: Mapping[str, Array], norm: str, channels: int, eps: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return scale and shift (channels,) in float64 by which batch norm transforms each channel at inference.

    Args:
        weights: The subnet's arrays by name.
        norm: The name of the batch norm.
        channels: The number of channels.
        eps: Batch norm's epsilon.

    Raises:
        FormatError: An array is missing or of another shape, or a variance is negative or NaN.
    """
    gamma, beta, mean, var = (
        fetch_array(weights, f"{norm}.{part}", (channels,)).astype(np.float64) for part in NORM_PARTS
    )
    if not (var >= 0).all():
        raise FormatError(
            f"array {norm}.running_var holds a variance below 0 or NaN; calibrate batch norm anew"
        )
    scale = gamma / np.sqrt(var + eps)
    return scale, beta - mean * scale
