"""The device that torch computes on: the CPU or a GPU."""

from __future__ import annotations

import os

import torch

from latency_tables.errors import InputError

AUTO = "auto"


def find_device(name: str = AUTO) -> torch.device:
    """Find a device by its name.

    Args:
        name: ``cpu``, ``cuda:N`` for a GPU by number, ``cuda`` (under torchrun, the GPU with the number of the
            process), or ``auto`` for a GPU where there is one.

    Raises:
        InputError: There is no such device.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if (
        kind not in ("cpu", "cuda")
        or (number and not (number.isascii() and number.isdigit()))
        or (kind == "cpu" and number)
    ):
        raise InputError(
            f"no device {name!r}; there are {AUTO}, cpu, cuda, and cuda:N for one of several GPUs"
        )
    if kind == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number or os.environ.get("LOCAL_RANK", "0"))
    if index >= count:
        raise InputError(
            f"there is no GPU {index}: torch sees {count} here; use --device cpu, fewer processes on this machine, or "
            "a build of torch for your GPU"
        )
    return torch.device("cuda", index)
