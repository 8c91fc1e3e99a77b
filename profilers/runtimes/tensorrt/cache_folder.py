"""The folder in which TensorRT keeps times of kernels, and kernels that it compiled."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "COMPOFA_CACHE"


def find_cache_folder() -> Path:
    """TensorRT's folder in this project's cache, whose place the user names or the platform has (on Linux)."""
    chosen = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return (Path(chosen) if chosen else Path(home) / "compofa-deploy") / "tensorrt"
