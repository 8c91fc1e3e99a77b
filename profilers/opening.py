"""Opening a model as a request names it: its files, and inputs for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from profilers.registry import find_runtime
from profilers.session import Array, Session

FEED_SEED = 0


def read_model(request: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A model, and its weights where they are apart."""
    weights = Path(request["weights"]).read_bytes() if request["weights"] else b""
    return Path(request["path"]).read_bytes(), weights


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
