"""A multi-layer perceptron that runs in numpy alone. OFA's accuracy predictor has this form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.encoding import Array
from latency_tables.errors import FormatError

ROWS_AT_ONCE = 8192
"""The rows that run at once, which bounds the memory of activations."""


@dataclass(frozen=True)
class Mlp:
    """Linear layers with ReLU between them.

    Attributes:
        weights: (outputs, inputs) for each layer; the last has one output.
        biases: (outputs,) for each layer.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def inputs(self) -> int:
        """The number of features that it reads."""
        return int(self.weights[0].shape[1])

    def run(self, features: Array) -> NDArray[np.float64]:
        """The outputs (n,) for features (n, inputs), computed in float32."""
        if not len(features):
            return np.zeros(0)
        parts = [
            self._run(features[start : start + ROWS_AT_ONCE])
            for start in range(0, len(features), ROWS_AT_ONCE)
        ]
        return np.concatenate(parts).astype(np.float64)

    def _run(self, values: Array) -> Array:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ weight.T + bias, 0)
        last: Array = (values @ self.weights[-1].T + self.biases[-1])[:, 0]
        return last

    def gradient(self, features: Array) -> Array:
        """The derivative (n, inputs) of each row's output by each of its features (n, inputs), in float32."""
        values, active = features, []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = values @ weight.T + bias
            active.append(values > 0)
            values = np.maximum(values, 0)
        slopes: Array = np.broadcast_to(self.weights[-1], (len(features), self.weights[-1].shape[1]))
        for weight, on in zip(self.weights[-2::-1], active[::-1], strict=True):
            slopes = (slopes * on) @ weight
        return slopes

    def arrays(self) -> dict[str, Array]:
        """All arrays by name, which :meth:`from_arrays` reads back."""
        pairs = enumerate(zip(self.weights, self.biases, strict=True))
        return {
            f"{i}.{part}": a for i, pair in pairs for part, a in zip(("weight", "bias"), pair, strict=True)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], where: str) -> Mlp:
        """Read ``0.weight``, ``0.bias``, ``1.weight`` and so on.

        The numbers may have gaps, as in a ``torch.nn.Sequential`` with activations between its layers.

        Args:
            arrays: The arrays by name.
            where: The name of the file in errors.

        Raises:
            FormatError: An array does not fit; the first is named.
        """
        names = {name.partition(".")[0] for name in arrays}
        odd = sorted(
            n
            for n in arrays
            if not (
                re.fullmatch("[0-9]{1,9}", n.partition(".")[0]) and n.partition(".")[2] in ("weight", "bias")
            )
        )
        if odd or not names:
            raise FormatError(
                f"{where}: array {odd[0] if odd else '0.weight'!r} belongs to no layer of a predictor"
            )
        weights: list[Array] = []
        biases: list[Array] = []
        numbers = sorted(names, key=int)
        for number in numbers:
            for part, kept in (("weight", weights), ("bias", biases)):
                found = arrays.get(f"{number}.{part}")
                if found is None:
                    raise FormatError(f"{where}: array {number}.{part} is missing")
                if not np.issubdtype(found.dtype, np.floating) or not np.isfinite(found).all():
                    raise FormatError(
                        f"{where}: array {number}.{part} must hold finite floating-point numbers"
                    )
                kept.append(np.ascontiguousarray(found, np.float32))
            outputs = 1 if number == numbers[-1] else weights[-1].shape[0]
            inputs = weights[-2].shape[0] if len(weights) > 1 else weights[-1].shape[-1]
            if weights[-1].shape != (outputs, inputs) or biases[-1].shape != (outputs,):
                raise FormatError(
                    f"{where}: array {number}.weight is {list(weights[-1].shape)} with a bias of "
                    f"{list(biases[-1].shape)}; {[outputs, inputs]} and {[outputs]} fit"
                )
        return cls(tuple(weights), tuple(biases))
