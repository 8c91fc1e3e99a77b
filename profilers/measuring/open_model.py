"""Opening the model that a request names, with inputs for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, InputError
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Array, Session

FEED_SEED = 0


@dataclass(frozen=True)
class ModelPaths:
    """The files of a model, with their hashes.

    Attributes:
        path: The model's file.
        sha256: The SHA-256 that it must have.
        weights: The file of its weights, for a format that keeps them apart.
        weights_sha256: The SHA-256 that the weights must have.
    """

    path: Path
    sha256: str
    weights: Path | None = None
    weights_sha256: str = ""

    @classmethod
    def hash(cls, path: Path, weights: Path | None = None) -> ModelPaths:
        """Files with the hashes that they have now, for a caller that has just written them."""
        hashes = [
            hashlib.sha256(file.read_bytes()).hexdigest() if file is not None else ""
            for file in (path, weights)
        ]
        return cls(path, hashes[0], weights, hashes[1])

    def to_request(self) -> dict[str, str]:
        """The part of a request that :func:`read_model` reads."""
        return {
            "path": str(self.path.resolve()),
            "sha256": self.sha256,
            "weights": "" if self.weights is None else str(self.weights.resolve()),
            "weights_sha256": self.weights_sha256,
        }


def read_model(request: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of a model and of its weights. They are the very bytes that were hashed.

    Raises:
        FormatError: A file was changed after the request was made.
    """
    parts = read_files(request)
    check_hashes(request, parts)
    return parts


def read_files(request: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of the files that a request names, which are not checked yet."""
    weights = Path(request["weights"]).read_bytes() if request["weights"] else b""
    return Path(request["path"]).read_bytes(), weights


def check_hashes(request: Mapping[str, Any], parts: tuple[bytes, bytes]) -> None:
    """Check a model and its weights against the hashes in a request.

    Raises:
        FormatError: One of the two has another hash.
    """
    for data, path, sha256 in zip(parts, ("path", "weights"), ("sha256", "weights_sha256")):
        if request[path] and hashlib.sha256(data).hexdigest() != request[sha256]:
            raise FormatError(f"{request[path]}: was changed after its hash was checked; start again")


def open_bound(spec: DeviceSpec, model: bytes, weights: bytes, shape: tuple[int, ...]) -> Session:
    """Open a fresh session and bind random inputs.

    Args:
        spec: The device spec.
        model: The model's bytes.
        weights: The bytes of its weights; empty where the model holds them.
        shape: The input's shape, as :func:`make_feeds` takes it.

    Raises:
        CompofaError: As :meth:`profilers.runtimes.base.Runtime.open` and :func:`make_feeds`.
    """
    session = find_runtime(spec.runtime).open(model, spec, weights)
    try:
        session.bind(make_feeds(session, spec.batch, shape))
    except BaseException:
        session.close()
        raise
    return session


def make_feeds(session: Session, batch: int, shape: tuple[int, ...] = ()) -> dict[str, Array]:
    """Random inputs of a model, the same each time.

    Args:
        session: The model's session.
        batch: The first size of an input that leaves it free.
        shape: The shape of the model's only input; empty for the model's own shapes.

    Returns:
        An array for each input, by name.

    Raises:
        InputError: Another size than the first is free.
    """
    rng = np.random.default_rng(FEED_SEED)
    feeds = {}
    for port in session.inputs:
        if not shape and None in port.shape[1:]:
            raise InputError(f"input {port.name} has a free size; state the input's shape in the kit")
        sizes = shape or tuple(batch if size is None else size for size in port.shape)
        feeds[port.name] = rng.standard_normal(sizes).astype(port.dtype)
    return feeds
