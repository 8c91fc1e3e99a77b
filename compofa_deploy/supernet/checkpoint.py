"""Foreign checkpoints: a torch file becomes named arrays, and nothing in it is executed."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.ofa_names import COUNTER
from latency_tables.errors import FormatError, InputError

STATE = "state_dict"
"""What training checkpoints keep the weights under, beside the optimiser's state."""

PARALLEL = "module."
"""What torch's data-parallel wrappers put before every name."""

POINTER = b"version https://git-lfs"

_ASKED = re.compile(r"GLOBAL (?P<name>\S+)")


def read_checkpoint(path: Path) -> dict[str, Array]:
    """The tensors of a ``.pth`` as float32 arrays, under the file's names and in its order.

    The file is a state dict, or holds one as ``state_dict``. Batch norm's counters are left out.
    :class:`FormatError` where it is cut off, asks for more than tensors, or holds what is no tensor of numbers;
    :class:`InputError` where there is none.
    """
    state = _find_state(_load(path), path)
    arrays: dict[str, Array] = {}
    wrapped = all(str(name).startswith(PARALLEL) for name in state)
    for name, value in state.items():
        if not isinstance(name, str) or not hasattr(value, "is_floating_point"):
            raise FormatError(
                f"{path}: {name!r} is a {type(value).__name__}, not a tensor; give a state dict"
            )
        if name.rpartition(".")[2] == COUNTER:
            continue
        if not value.is_floating_point() or value.is_sparse:
            raise FormatError(f"{path}: tensor {name} is {value.dtype}; weights are dense and floating-point")
        array: Array = value.detach().float().numpy().copy()
        if not np.isfinite(array).all():
            raise FormatError(f"{path}: tensor {name} holds numbers that are not finite; the file is broken")
        arrays[name.removeprefix(PARALLEL) if wrapped else name] = array
    if not arrays:
        raise FormatError(f"{path}: holds no tensors; give a checkpoint of a supernet")
    return arrays


def _load(path: Path) -> Any:
    import torch

    try:
        with path.open("rb") as file:
            pointer = file.read(len(POINTER)) == POINTER
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the checkpoint's file") from None
    if pointer:
        raise FormatError(f"{path}: is git-lfs's pointer to the weights; fetch the file that it points to")
    try:
        with torch.serialization.safe_globals(_list_numbers()), warnings.catch_warnings():
            # Torch warns of what it then reads, or refuses, all the same.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Torch's own text goes on to say how to execute the file all the same.
        asked = _ASKED.search(str(error))
        why = f"asks for {asked['name']}" if asked else "is no checkpoint of torch's, or cut off"
        raise FormatError(
            f"{path}: {why}; a checkpoint is read for its tensors alone, and nothing of it was executed"
        ) from None
    except Exception as error:
        # What torch raises on a broken file depends on the byte: EOFError, RuntimeError, KeyError, struct.error, ...
        raise FormatError(
            f"{path}: cannot be read as a torch checkpoint ({type(error).__name__}); it may be cut off"
        ) from None


def _list_numbers() -> list[Any]:
    """What a pickled numpy number is made of: some training loops keep their best accuracy as one."""
    scalar = np.float64(0).__reduce__()[0]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [*names, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType]


def _find_state(loaded: Any, path: Path) -> Mapping[Any, Any]:
    state = loaded.get(STATE, loaded) if isinstance(loaded, Mapping) else loaded
    if not isinstance(state, Mapping):
        raise FormatError(f"{path}: holds a {type(state).__name__}, not a state dict")
    return state
