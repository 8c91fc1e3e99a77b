"""Opening a model as a request names it: its files, and inputs for it."""

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
    """A model's file and that of its weights, where they are apart, each with the SHA-256 that it must have."""

    path: Path
    sha256: str
    weights: Path | None = None
    weights_sha256: str = ""

    @classmethod
    def hash(cls, path: Path, weights: Path | None = None) -> ModelPaths:
        """Files as they are now: for those that the caller has just written."""
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
    """A model, and its weights where they are apart; :class:`FormatError` where one is not what it was when the request
    was made. What is returned is what was hashed."""
    parts = read_files(request)
    check_hashes(request, parts)
    return parts


def read_files(request: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The bytes that a request names, not yet checked."""
    weights = Path(request["weights"]).read_bytes() if request["weights"] else b""
    return Path(request["path"]).read_bytes(), weights


def check_hashes(request: Mapping[str, Any], parts: tuple[bytes, bytes]) -> None:
    """:class:`FormatError` where a model or its weights are not those that a request names."""
    for data, path, sha256 in zip(parts, ("path", "weights"), ("sha256", "weights_sha256")):
        if request[path] and hashlib.sha256(data).hexdigest() != request[sha256]:
            raise FormatError(f"{request[path]}: was changed after its hash was checked; start again")


def open_bound(spec: DeviceSpec, model: bytes, weights: bytes, shape: tuple[int, ...]) -> Session:
    """A fresh session whose inputs are bound, of the given shape, as :func:`make_feeds` takes it."""
    session = find_runtime(spec.runtime).open(model, spec, weights)
    try:
        session.bind(make_feeds(session, spec.batch, shape))
    except BaseException:
        session.close()
        raise
    return session


def make_feeds(session: Session, batch: int, shape: tuple[int, ...] = ()) -> dict[str, Array]:
    """Random inputs of a model, the same each time. ``shape`` is that of its only input; where it is empty, the
    model's own is taken, with ``batch`` for its first size if that is free.

    :class:`InputError` where a size remains free.
    """
    rng = np.random.default_rng(FEED_SEED)
    feeds = {}
    for port in session.inputs:
        if not shape and None in port.shape[1:]:
            raise InputError(f"input {port.name} has a free size; say the input's shape in the kit")
        sizes = shape or tuple(batch if size is None else size for size in port.shape)
        feeds[port.name] = rng.standard_normal(sizes).astype(port.dtype)
    return feeds
