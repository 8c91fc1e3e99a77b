"""Bundles: what is deployed. A folder with the model for one runtime, what it must compute, and ``deployment.json``."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from compofa_deploy.bundle.folder_exchange import restore_folder
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, InputError, VerificationError
from latency_tables.files import read_json
from latency_tables.machine import hash_json
from profilers.measuring.open_model import ModelPaths
from profilers.runtimes.registry import find_runtime

FORMAT = "compofa-bundle"
VERSION = 1
MANIFEST = "deployment.json"
REFERENCE = "reference.safetensors"
CONTENT_ID = "content_id"
"""The manifest's field that holds a hash of all others."""

Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Part):
    """A file of the bundle beside its manifest."""

    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1)


class Tensor(_Part):
    """An input or output of the model."""

    name: str
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=2)
    dtype: str


class Preprocessing(_Part):
    """What :class:`compofa_deploy.files.images.Preprocess` does, in the order in which it is done."""

    channels: str
    resize_shorter_side: int = Field(ge=1)
    resize_filter: str
    centre_crop: int = Field(ge=1)
    scale: float
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    layout: str
    dtype: str


class Budget(_Part):
    """What the latency had to keep."""

    limit_ms: Positive
    percentile: int
    confidence: float = Field(gt=0, lt=1)


class Latency(_Part):
    """A latency at a percentile, with the interval that holds it."""

    latency_ms: Positive
    low_ms: Positive
    high_ms: Positive


class MeasuredLatency(Latency):
    """Measured on the model file of this bundle, in so many fresh sessions."""

    percentiles_ms: dict[str, Positive]
    sessions: int = Field(ge=1)
    samples: int = Field(ge=1)
    when: str


class Accuracy(_Part):
    """Top-1 in per cent on images of ``data``, by a graph that computes in ``precision``."""

    validation: float
    test: float
    data: str
    precision: str = "f32"


class Tried(_Part):
    """A candidate that was exported and measured, and broke the budget."""

    subnet: str
    predicted_ms: Positive
    measured_ms: Positive
    measured_high_ms: Positive
    device_spec: str = ""


class Deployment(_Part):
    """The manifest."""

    format: str = FORMAT
    version: int = VERSION
    subnet: str
    ofa_config: dict[str, list[int | float]]
    architecture: dict[str, Any]
    supernet: str
    model: FileEntry
    weights: FileEntry | None = None
    extras: tuple[FileEntry, ...] = ()
    reference: FileEntry
    input: Tensor
    output: Tensor
    preprocess: Preprocessing
    labels: tuple[str, ...]
    macs: int
    params: int
    device_spec: dict[str, Any]
    tolerance: Positive
    accuracy: Accuracy | None = None
    budget: Budget | None = None
    predicted: Latency | None = None
    measured: MeasuredLatency | None = None
    tried: tuple[Tried, ...] = ()
    command: str
    made_with: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """What the model takes up, with its weights."""
        return self.model.size_bytes + (self.weights.size_bytes if self.weights else 0)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file of the bundle beside its manifest."""
        weights = () if self.weights is None else (self.weights,)
        return (self.model, *weights, *self.extras, self.reference)

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        if len(self.input.shape) != 4 or len(self.labels) != self.output.shape[-1]:
            raise ValueError("the input must have 4 sizes, and the output as many as there are labels")
        return self


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and whose hashes were checked."""

    folder: Path
    deployment: Deployment

    @property
    def spec(self) -> DeviceSpec:
        """The device spec that the bundle was made for."""
        return DeviceSpec.from_dict(self.deployment.device_spec, f"{self.folder / MANIFEST}, device_spec")

    @property
    def model_files(self) -> ModelPaths:
        """Where the model is and its weights are, with their hashes, for a process that reads them itself."""
        model, weights = self.deployment.model, self.deployment.weights
        if weights is None:
            return ModelPaths(self.folder / model.file, model.sha256)
        return ModelPaths(self.folder / model.file, model.sha256, self.folder / weights.file, weights.sha256)

    def read_model(self) -> bytes:
        """The model file's bytes, checked against the hash as they are read."""
        return read_checked(self.folder, self.deployment.model)

    def read_weights(self) -> bytes:
        """The same for the weights, where they have a file of their own; else empty."""
        entry = self.deployment.weights
        return b"" if entry is None else read_checked(self.folder, entry)

    def read_reference(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Stored pixels (n, side, side, 3), and the logits (n, classes) that the model must give for them."""
        return decode_reference(read_checked(self.folder, self.deployment.reference), str(self.folder))


def describe_file(name: str, data: bytes) -> FileEntry:
    """The entry of a file with this content."""
    return FileEntry(file=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def encode_reference(pixels: NDArray[np.uint8], logits: NDArray[np.float64]) -> bytes:
    """The content of the reference file."""
    from safetensors.numpy import save

    return save({"pixels": np.ascontiguousarray(pixels), "logits": np.ascontiguousarray(logits)})


def decode_reference(data: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Pixels and logits of a reference file's content; ``where`` names it in errors."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        return arrays["pixels"], arrays["logits"]
    except (SafetensorError, KeyError) as error:
        raise FormatError(f"{where}: {REFERENCE} is not the reference it should be ({error})") from None


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check the hash of every file in it, and that its model reads no other file.

    :class:`VerificationError` where a file is not what the manifest says, or the model would read one that the manifest
    does not list; :class:`FormatError` where the manifest is
    not one.
    """
    folder = Path(folder)
    restore_folder(Path(os.path.realpath(folder)), MANIFEST)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; give a bundle made by compofa deploy or export")
    deployment = read_manifest(folder)
    for entry in deployment.files:
        read_checked(folder, entry)
    bundle = Bundle(folder, deployment)
    _check_self_contained(bundle)
    return bundle


def read_manifest(folder: Path) -> Deployment:
    """The manifest of a bundle's folder. Errors as of :func:`load_bundle`."""
    data = read_json(folder / MANIFEST, FORMAT, VERSION)
    if data.pop(CONTENT_ID, None) != hash_json(data):
        raise VerificationError(
            f"{folder / MANIFEST}: its {CONTENT_ID} does not fit its content: it was changed or damaged; make the "
            "bundle anew"
        )
    try:
        return Deployment.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise FormatError(
            f"{folder / MANIFEST}, {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from None


def _check_self_contained(bundle: Bundle) -> None:
    runtime, model, weights = find_runtime(bundle.spec.runtime), bundle.read_model(), bundle.read_weights()
    try:
        runtime.check_self_contained(model, weights)
    except FormatError as error:
        raise VerificationError(f"{bundle.folder / bundle.deployment.model.file}: {error}") from None
    except ValueError:
        # Not a model at all: the runtime says so, as soon as it is asked to load it.
        return


def read_checked(folder: Path, entry: FileEntry) -> bytes:
    """The content of a file; :class:`VerificationError` where it is missing or is not what its entry says."""
    path = folder / entry.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VerificationError(f"{path}: cannot be read ({error.strerror}); make the bundle anew") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise VerificationError(
            f"{path}: its hash is not the one in {MANIFEST}: it was changed or damaged; make the bundle anew"
        )
    return data
