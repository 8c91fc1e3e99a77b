"""Predictors of random weights, in the form of OFA's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WIDTHS = (128, 400, 400, 400, 1)
TORCH_NUMBERS = (0, 2, 4, 6)
"""What a sequence of linear layers with activations between them calls the linear ones."""


def draw_ofa_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays with the names and shapes of OFA's published predictor."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for number, inputs, outputs in zip(TORCH_NUMBERS, WIDTHS[:-1], WIDTHS[1:], strict=True):
        arrays[f"{number}.weight"] = rng.normal(0, (2 / inputs) ** 0.5, (outputs, inputs)).astype(np.float32)
        arrays[f"{number}.bias"] = rng.normal(0, 0.1, outputs).astype(np.float32)
    return arrays


def save_ofa_predictor(path: Path, arrays: dict[str, np.ndarray] | None = None, **options: object) -> Path:
    """The same as torch saves them."""
    import torch

    state = {name: torch.from_numpy(array) for name, array in (arrays or draw_ofa_arrays()).items()}
    torch.save(state, path, **options)
    return path
