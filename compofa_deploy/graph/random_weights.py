"""Random weights for measuring latency, which does not depend on their values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.layer import Layer

BIAS_SCALE = 0.1
SCALE_RANGE = (0.5, 1.0)
VARIANCE_RANGE = (0.5, 1.5)
PERIOD = 2048
"""Weights repeat after this many numbers, 8 KiB, which is within the window of 32 KiB of deflate."""


def draw_weights(layers: Sequence[Layer], rng: np.random.Generator) -> dict[str, Array]:
    """Draw arrays as :func:`~compofa_deploy.supernet.cut.cut_weights` returns them, by He's normal (fan-in).

    Activations stay within a few powers of ten of 1, since denormal or infinite numbers would change the speed.

    Args:
        layers: The subnet's layers.
        rng: The random generator.
    """
    weights = {}
    for layer in layers:
        for part, shape in list_shapes(layer).items():
            weights[f"{layer.name}.{part}"] = _draw(part, shape, rng)
    return weights


def draw_repeating_weights(layers: Sequence[Layer], rng: np.random.Generator) -> dict[str, Array]:
    """Draw arrays whose numbers repeat, so that the models of a kit compress quickly and well.

    Batch norm scales all channels alike, since folding it into the convolutions would otherwise end the repetition.

    Args:
        layers: The subnet's layers.
        rng: The random generator.
    """
    weights = draw_weights(layers, rng)
    for name, array in weights.items():
        if name.endswith(("bn.weight", "running_var")):
            weights[name] = np.ones_like(array)
        elif array.ndim > 1:
            weights[name] = np.resize(array.ravel()[:PERIOD], array.shape)
    return weights


def _draw(part: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if part.endswith("bn.weight"):
        return rng.uniform(*SCALE_RANGE, shape).astype(np.float32)
    if part.endswith("running_var"):
        return rng.uniform(*VARIANCE_RANGE, shape).astype(np.float32)
    if len(shape) == 1:
        return BIAS_SCALE * rng.standard_normal(shape, np.float32)
    gain = np.float32((2 / np.prod(shape[1:])) ** 0.5)
    return gain * rng.standard_normal(shape, np.float32)
