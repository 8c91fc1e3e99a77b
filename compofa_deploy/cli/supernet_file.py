"""The name of a supernet's file."""

from __future__ import annotations

from pathlib import Path


def check_supernet_file(path: Path) -> None:
    """Checks the suffix of a supernet's file before the supernet is made.

    Raises:
        InputError: The suffix is not ``.safetensors``.
    """
    from latency_tables.errors import InputError

    if path.suffix != ".safetensors":
        raise InputError(f"{path}: a supernet's file ends in .safetensors; name it so")
