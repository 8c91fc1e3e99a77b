"""Deployments: what a bundle's manifest says, field by field."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from latency_tables.errors import FormatError
from latency_tables.field_rule import rule
from latency_tables.record import Record, RecordFile
from profilers.measuring.model_files import ModelFiles

LARGEST_SIDE = 4096
"""The largest side of an input image, in pixels."""
LARGEST_INPUT = 1 << 26
"""The most numbers of one input, with its batch: 256 MiB of float32."""

POSITIVE = rule(above=0)
AT_LEAST_1 = rule(minimum=1)


@dataclass(frozen=True)
class _Part(Record):
    refuse_unknown = True


@dataclass(frozen=True)
class FileEntry(_Part):
    """A file of the bundle beside its manifest."""

    file: str = field(metadata=rule(pattern="[A-Za-z0-9_][A-Za-z0-9_.-]*", advice="make the bundle anew"))
    sha256: str = field(metadata=rule(pattern="[0-9a-f]{64}", advice="make the bundle anew"))
    size_bytes: int = field(metadata=AT_LEAST_1)


@dataclass(frozen=True)
class Tensor(_Part):
    """An input or output of the model."""

    name: str
    shape: tuple[int, ...] = field(metadata=rule(minimum=1, entries=2))
    dtype: str


@dataclass(frozen=True)
class Preprocessing(_Part):
    """The steps of :class:`compofa_deploy.files.images.Preprocess`, in their order."""

    channels: str
    resize_shorter_side: int = field(metadata=AT_LEAST_1)
    resize_filter: str
    centre_crop: int = field(metadata=AT_LEAST_1)
    scale: float = field(metadata=rule(minimum=-math.inf))
    mean: tuple[float, float, float] = field(metadata=rule(minimum=-math.inf))
    std: tuple[float, float, float] = field(metadata=POSITIVE)
    layout: str
    dtype: str


@dataclass(frozen=True)
class Budget(_Part):
    """The limit that the latency had to keep."""

    limit_ms: float = field(metadata=POSITIVE)
    percentile: int
    confidence: float = field(metadata=rule(above=0, below=1))


@dataclass(frozen=True)
class Latency(_Part):
    """A latency at a percentile, with its interval."""

    latency_ms: float = field(metadata=POSITIVE)
    low_ms: float = field(metadata=POSITIVE)
    high_ms: float = field(metadata=POSITIVE)


@dataclass(frozen=True)
class MeasuredLatency(Latency):
    """A latency that was measured on the bundle's model file, in ``sessions`` fresh sessions.

    ``reference_ms`` is the latency of the reference network, which was measured beside it.
    """

    percentiles_ms: dict[str, float] = field(metadata=POSITIVE)
    sessions: int = field(metadata=AT_LEAST_1)
    samples: int = field(metadata=AT_LEAST_1)
    when: str
    reference_ms: float | None = field(default=None, metadata=rule(omit=True, above=0))


@dataclass(frozen=True)
class Accuracy(_Part):
    """Top-1 in per cent on images of ``data``, by a graph that computes in ``precision``."""

    validation: float
    test: float
    data: str
    precision: str = field(default="f32", metadata=rule(optional=True))


@dataclass(frozen=True)
class Tried(_Part):
    """A candidate that was exported and measured, and broke the budget."""

    subnet: str
    predicted_ms: float = field(metadata=POSITIVE)
    measured_ms: float = field(metadata=POSITIVE)
    measured_high_ms: float = field(metadata=POSITIVE)
    device_spec: str = field(default="", metadata=rule(optional=True))


@dataclass(frozen=True, kw_only=True)
class Deployment(RecordFile):
    """The manifest of a bundle.

    Attributes:
        subnet: The subnet's id.
        ofa_config: The subnet as OFA writes it.
        architecture: The supernet's architecture.
        supernet: The digest of the supernet's weights.
        model: The model file.
        weights: The file of the weights, where the model's format keeps them apart.
        extras: Further files of the model.
        reference: The file of pixels and logits that the model must reproduce.
        input: The model's input.
        output: The model's output.
        preprocess: The way from an image to the input.
        labels: The classes' names.
        macs: Multiply-accumulates for one image.
        params: Trained numbers.
        device_spec: The device spec that the bundle was made for.
        tolerance: The largest difference of logits from the reference.
        accuracy: The accuracy, where it is known.
        budget: The budget, where there was one.
        predicted: The predicted latency, where a table was used.
        measured: The measured latency, where it was measured.
        tried: Candidates that broke the budget.
        doubts: The reasons not to trust the measured or the predicted latency.
        command: The command that made the bundle.
        made_with: Versions by name.
    """

    FORMAT = "compofa-bundle"
    VERSION = 1
    INDENT = 1
    refuse_unknown = True

    subnet: str
    ofa_config: dict[str, list[int | float]]
    architecture: dict[str, Any]
    supernet: str
    model: FileEntry
    weights: FileEntry | None = field(default=None, metadata=rule(optional=True))
    extras: tuple[FileEntry, ...] = field(default=(), metadata=rule(optional=True))
    reference: FileEntry
    input: Tensor
    output: Tensor
    preprocess: Preprocessing
    labels: tuple[str, ...]
    macs: int
    params: int
    device_spec: dict[str, Any]
    tolerance: float = field(metadata=POSITIVE)
    accuracy: Accuracy | None = field(default=None, metadata=rule(optional=True))
    budget: Budget | None = field(default=None, metadata=rule(optional=True))
    predicted: Latency | None = field(default=None, metadata=rule(optional=True))
    measured: MeasuredLatency | None = field(default=None, metadata=rule(optional=True))
    tried: tuple[Tried, ...] = field(default=(), metadata=rule(optional=True))
    doubts: tuple[str, ...] = field(default=(), metadata=rule(omit=True))
    command: str
    made_with: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """The size of the model with its weights."""
        return self.model.size_bytes + (self.weights.size_bytes if self.weights else 0)

    def collect_model(self, read: Callable[[FileEntry], bytes]) -> ModelFiles:
        """Return the model and its weights, which are empty where the model holds its weights.

        Args:
            read: Returns the content of a file by its entry.
        """
        weights = b"" if self.weights is None else read(self.weights)
        return ModelFiles(read(self.model), weights, self.input.shape)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of the bundle beside its manifest."""
        weights = () if self.weights is None else (self.weights,)
        return (self.model, *weights, *self.extras, self.reference)

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where shapes do not fit each other, or are larger than any network's."""
        if len(self.input.shape) != 4 or len(self.labels) != self.output.shape[-1]:
            raise FormatError(
                f"{where}: the input must have 4 sizes, and the output as many as there are labels"
            )
        sides = (*self.input.shape[1:], self.preprocess.resize_shorter_side, self.preprocess.centre_crop)
        if max(sides) > LARGEST_SIDE or math.prod(self.input.shape) > LARGEST_INPUT:
            raise FormatError(f"{where}, input: is larger than any network takes; make the bundle anew")
