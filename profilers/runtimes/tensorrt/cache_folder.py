"""The folder in which TensorRT keeps times of kernels, and kernels that it compiled."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from latency_tables.machine import hash_json

if TYPE_CHECKING:
    from latency_tables.device import DeviceSpec

CACHE_VARIABLE = "COMPOFA_CACHE"


def find_cache_folder() -> Path:
    """TensorRT's folder in this project's cache: where the user wants it, or at Linux's usual place."""
    chosen = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return (Path(chosen) if chosen else Path(home) / "compofa-deploy") / "tensorrt"


def place_timings(spec: DeviceSpec) -> Path:
    """The file of the times of kernels that builds for a device spec share."""
    return find_cache_folder() / f"timings-{hash_json([spec.runtime_version, spec.device])}.bin"


def place_kernels(engine: bytes, spec: DeviceSpec) -> Path:
    """The file of the kernels that TensorRT-RTX compiles for an engine under a device spec."""
    name = hash_json([hashlib.sha256(engine).hexdigest(), spec.runtime_version, spec.device])
    return find_cache_folder() / f"kernels-{name}.bin"
