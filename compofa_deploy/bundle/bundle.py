"""Bundles: folders that are deployed, with the model for one runtime, reference outputs, and ``deployment.json``."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bundle.deployment import Deployment, FileEntry
from compofa_deploy.bundle.folder_exchange import restore_folder
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, InputError, VerificationError
from latency_tables.files import read_bytes, read_json
from latency_tables.machine import hash_json
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.registry import find_runtime

MANIFEST = "deployment.json"
REFERENCE = "reference.safetensors"
_SLACK_BYTES = 1 << 20
"""A file that grew by less is read whole, so that the error is that of its hash."""
CONTENT_ID = "content_id"
"""The field of the manifest that holds a hash of all other fields."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest was read and whose hashes were checked."""

    folder: Path
    deployment: Deployment

    @property
    def spec(self) -> DeviceSpec:
        """The device spec that the bundle was made for."""
        return DeviceSpec.from_dict(self.deployment.device_spec, f"{self.folder / MANIFEST}, device_spec")

    def read_files(self) -> ModelFiles:
        """Return the model and its weights, each checked against its hash as it is read."""
        return self.deployment.collect_model(lambda entry: read_checked(self.folder, entry))

    def read_reference(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return pixels (n, side, side, 3), and the logits (n, classes) that the model must give for them."""
        return decode_reference(read_checked(self.folder, self.deployment.reference), str(self.folder))


def describe_file(name: str, data: bytes) -> FileEntry:
    """Return the manifest's entry of a file.

    Args:
        name: The file's name.
        data: The file's content.
    """
    return FileEntry(file=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def encode_reference(pixels: NDArray[np.uint8], logits: NDArray[np.float64]) -> bytes:
    """Return the content of the reference file.

    Args:
        pixels: (n, side, side, 3): the images.
        logits: (n, classes): the outputs for them.
    """
    from safetensors.numpy import save

    return save({"pixels": np.ascontiguousarray(pixels), "logits": np.ascontiguousarray(logits)})


def decode_reference(data: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return pixels (n, side, side, 3) and logits (n, classes) of a reference file.

    Args:
        data: The content of the reference file.
        where: The bundle, for messages.

    Raises:
        FormatError: The content is no reference.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        return arrays["pixels"], arrays["logits"]
    except (SafetensorError, KeyError) as error:
        raise FormatError(f"{where}: {REFERENCE} is not the reference it should be ({error})") from None


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle, and check the hash of every file and that the model reads no other file.

    Args:
        folder: The bundle's folder.

    Raises:
        VerificationError: A file differs from its entry, or the model would read a file that the manifest lacks.
        FormatError: The manifest is none.
        InputError: There is no such folder.
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
    """Return the manifest of a bundle.

    Args:
        folder: The bundle's folder.

    Raises:
        VerificationError: The manifest was changed.
        FormatError: The manifest is none.
        InputError: There is no manifest.
    """
    path = folder / MANIFEST
    data = read_json(path, Deployment.FORMAT, Deployment.VERSION)
    if data.pop(CONTENT_ID, None) != hash_json(data):
        raise VerificationError(
            f"{path}: its {CONTENT_ID} does not fit its content: it was changed or damaged; make the bundle anew"
        )
    return Deployment.from_content(data, str(path))


def _check_self_contained(bundle: Bundle) -> None:
    runtime, files = find_runtime(bundle.spec.runtime), bundle.read_files()
    try:
        runtime.check_self_contained(files.model, files.weights)
    except FormatError as error:
        raise VerificationError(f"{bundle.folder / bundle.deployment.model.file}: {error}") from None
    except ValueError:
        # The file is no model, which the runtime reports when it loads it.
        return


def read_checked(folder: Path, entry: FileEntry) -> bytes:
    """Return the content of a bundle's file.

    Args:
        folder: The bundle's folder.
        entry: The file's entry in the manifest.

    Raises:
        VerificationError: The file is missing, or differs from its entry.
    """
    path = folder / entry.file
    if path.is_file() and path.stat().st_size > entry.size_bytes:
        raise _refuse_changed(path)
    try:
        data = read_bytes(path, entry.size_bytes + _SLACK_BYTES)
    except (InputError, FormatError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise VerificationError(f"{path}: cannot be read ({reason}); make the bundle anew") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise _refuse_changed(path)
    return data


def _refuse_changed(path: Path) -> VerificationError:
    return VerificationError(
        f"{path}: its hash is not the one in {MANIFEST}: it was changed or damaged; make the bundle anew"
    )
