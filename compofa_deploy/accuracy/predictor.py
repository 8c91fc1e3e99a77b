"""Accuracy predictors: the top-1 of a subnet from its shape, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compofa_deploy.accuracy.encoding import Array, Encoding, encode, encode_subnets
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError
from latency_tables.field_rule import rule
from latency_tables.files import replace_file
from latency_tables.record import Record, RecordFile

SUFFIX = ".safetensors"
LARGEST_FILE = 256 * 2**20
"""In bytes. Predictors of a few hundred inputs are far smaller."""


@dataclass(frozen=True)
class HeldOutError(Record):
    """The error of predictions on subnets that the fit did not see, by cross-validation.

    Attributes:
        mae: The mean absolute error in percentage points of top-1.
        worst: The largest absolute error in percentage points.
        rank_correlation: Spearman's, of predicted and true top-1.
        n: The number of subnets.
        folds: The number of folds.
    """

    mae: float
    worst: float
    rank_correlation: float = field(metadata=rule(minimum=-1))
    n: int = field(metadata=rule(minimum=1))
    folds: int = field(metadata=rule(minimum=2))


@dataclass(frozen=True)
class _Metadata(RecordFile):
    """Everything in a predictor's file but its arrays."""

    FORMAT = "compofa-accuracy-predictor"
    VERSION = 1

    encoding: Encoding
    scale: float
    architecture: str | None
    error: HeldOutError | None
    origin: str


@dataclass(frozen=True)
class AccuracyPredictor:
    """Predicts top-1 in per cent, the unit of accuracy tables.

    Attributes:
        encoding: The encoding of subnets that the model reads.
        model: Gives top-1 in per cent divided by ``scale``.
        scale: 1, or 100 for a model that predicts fractions.
        architecture: The name of the architecture that it was made for; ``None`` where that is unknown.
        error: Its error on held-out subnets; ``None`` where that is unknown.
        origin: How it was made, for people.
    """

    encoding: Encoding
    model: Mlp
    scale: float
    architecture: str | None
    error: HeldOutError | None
    origin: str

    def __post_init__(self) -> None:
        if self.model.inputs != self.encoding.size:
            raise FormatError(
                f"{self.origin}: reads {self.model.inputs} features, and its encoding has {self.encoding.size}"
            )

    def encode(self, ks: ArrayLike, e: ArrayLike, d: ArrayLike, r: ArrayLike) -> Array:
        """Features (n, inputs); see :func:`compofa_deploy.accuracy.encoding.encode`."""
        return encode(ks, e, d, r, self.encoding)

    def predict(self, features: Array) -> NDArray[np.float64]:
        """Predict top-1 (n,) in per cent from features (n, inputs).

        Raises:
            InputError: The features have another shape.
        """
        if features.ndim != 2 or features.shape[1] != self.model.inputs:
            raise InputError(
                f"the accuracy predictor reads {self.model.inputs} features a subnet; got {list(features.shape)}"
            )
        percent: NDArray[np.float64] = self.scale * self.model.run(features)
        return percent

    def gradient(self, features: Array) -> NDArray[np.float64]:
        """The derivative (n, inputs) of each row's top-1, in percentage points, by each of its features (n, inputs)."""
        slopes: NDArray[np.float64] = self.scale * self.model.gradient(features).astype(np.float64)
        return slopes

    def predict_subnets(self, subnets: Sequence[Subnet]) -> NDArray[np.float64]:
        """Predict the top-1 (n,) of subnets in per cent."""
        return self.predict(encode_subnets(subnets, self.encoding))

    def save(self, path: Path) -> None:
        """Write a safetensors file, with everything but the arrays in its metadata."""
        from safetensors.numpy import save

        metadata = _Metadata(self.encoding, self.scale, self.architecture, self.error, self.origin)
        data = save(self.model.arrays(), {"compofa": metadata.to_text()})
        with replace_file(path) as file:
            file.write(data)

    @classmethod
    def load(cls, path: Path) -> AccuracyPredictor:
        """Read a file that :meth:`save` wrote.

        Raises:
            InputError: There is no such file.
            FormatError: The file is no accuracy predictor, or a part of it is missing.
        """
        from safetensors import SafetensorError, safe_open

        try:
            if path.stat().st_size > LARGEST_FILE:
                raise FormatError(f"{path}: is larger than any accuracy predictor")
            with safe_open(path, framework="numpy") as file:
                text = (file.metadata() or {}).get("compofa", "")
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such file") from None
        except (OSError, SafetensorError) as error:
            raise FormatError(f"{path}: not a safetensors file that can be read ({error})") from None
        metadata = _Metadata.parse(text, f"{path}, metadata")
        return cls(model=Mlp.from_arrays(arrays, str(path)), **vars(metadata))
