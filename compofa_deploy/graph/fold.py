"""Folding batch norm into the convolution before it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compofa_deploy.supernet.cut import NORM_PARTS, Array
from latency_tables.errors import FormatError


def fetch_array(weights: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    """The array of that name and shape; :class:`FormatError` names one that is missing or of another."""
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
    """Weight (of ``shape``, output channels first) and bias (output channels,) of one convolution that
    computes what the convolution ``conv`` and the batch norm ``norm`` behind it compute.

    Done in float64 and rounded once. :class:`FormatError` names an array that is missing, of another shape,
    or holds variances that are none.

    >>> ones = np.ones(1, np.float32)
    >>> arrays = {"conv.weight": 2 * np.ones((1, 1, 1, 1), np.float32), "bn.running_mean": 4 * ones,
    ...           "bn.running_var": ones - np.float32(1e-5), "bn.weight": 3 * ones, "bn.bias": ones}
    >>> [float(part.item()) for part in fold_norm(arrays, "conv", "bn", (1, 1, 1, 1), 1e-5)]
    [6.0, -11.0]
    """
    weight = fetch_array(weights, f"{conv}.weight", shape)
    scale, shift = derive_affine(weights, norm, shape[0], eps)
    folded = np.empty(shape, np.float32)
    # With dtype, numpy widens a cache's worth of numbers at a time, and not the whole array.
    np.multiply(
        weight, scale.reshape(-1, *[1] * (len(shape) - 1)), out=folded, dtype=np.float64, casting="same_kind"
    )
    return folded, shift.astype(np.float32)


def derive_affine(
    weights: Mapping[str, Array], norm: str, channels: int, eps: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Scale and shift (channels,) in float64: what batch norm does to a channel when it does not train."""
    gamma, beta, mean, var = (
        fetch_array(weights, f"{norm}.{part}", (channels,)).astype(np.float64) for part in NORM_PARTS
    )
    if not (var >= 0).all():
        raise FormatError(
            f"array {norm}.running_var holds a variance below 0 or NaN; calibrate batch norm anew"
        )
    scale = gamma / np.sqrt(var + eps)
    return scale, beta - mean * scale
