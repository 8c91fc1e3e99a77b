"""Foreign checkpoints: named arrays from a torch file, of which nothing is executed."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.ofa_names import COUNTER
from latency_tables.errors import FormatError, InputError

ENTRIES = (
    "state_dict", "model_state_dict", "model", "net", "network", "weights",
    "state_dict_ema", "model_ema_state_dict", "ema_state_dict", "model_ema", "ema", "module", "shadow",
)  # fmt: skip
"""The entries under which training loops keep weights. The first that is there is read unless another is named."""

PREFIXES = ("module.", "model.", "net.")
"""The names of wrappers that may stand before every tensor's name, as data-parallel training writes it."""

COMPILED = "_orig_mod."
"""The name of torch.compile's wrapper, which may stand anywhere in a tensor's name."""

COUNTERS = (COUNTER, "total_ops", "total_params", "n_averaged")
"""The last parts of names of tensors that are no weights: steps of batch norm, operation counts, averaged models."""

DEEPEST = 3
"""How many entries deep weights are searched for, as in ``ema.module``."""

POINTER = b"version https://git-lfs"

_REQUESTED_GLOBAL = re.compile(r"GLOBAL (?P<name>\S+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights of a checkpoint.

    Attributes:
        arrays: The tensors as float32 arrays, in the file's order and without the names of wrappers.
        entry: The entry that held them, as in ``state_dict`` or ``ema.module``; empty where the file is a state dict.
        others: Other entries that hold weights too.
    """

    arrays: dict[str, Array]
    entry: str = ""
    others: tuple[str, ...] = ()


def read_checkpoint(path: Path, entry: str = "") -> Checkpoint:
    """Read the weights of a ``.pth`` file, of which nothing is executed.

    The names of wrappers (data-parallel training, torch.compile) are removed, and counters are left out.

    Args:
        path: The file: a state dict, or a mapping that holds one.
        entry: The entry to read, as in ``state_dict_ema``. By default the first of ``ENTRIES`` is read.

    Raises:
        FormatError: The file is cut off, asks for more than tensors, or holds no dense tensors of finite numbers.
        InputError: There is no such file, or no such entry.
    """
    entry, state, others = _find_state(_load(path), path, entry)
    return Checkpoint(_convert_tensors(state, path), entry, others)


def _convert_tensors(state: Mapping[Any, Any], path: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    prefix = _find_prefix(state)
    for name, value in state.items():
        if not isinstance(name, str) or not hasattr(value, "is_floating_point"):
            raise FormatError(
                f"{path}: {name!r} is a {type(value).__name__}, not a tensor; give a state dict"
            )
        if name.rpartition(".")[2] in COUNTERS:
            continue
        if not value.is_floating_point() or value.is_sparse:
            raise FormatError(f"{path}: tensor {name} is {value.dtype}; weights are dense and floating-point")
        array: Array = value.detach().float().numpy().copy()
        if not np.isfinite(array).all():
            raise FormatError(f"{path}: tensor {name} holds numbers that are not finite; the file is broken")
        bare = name.replace(COMPILED, "").removeprefix(prefix)
        if bare in arrays:
            raise FormatError(f"{path}: tensor {bare} is there twice, the second time as {name}")
        arrays[bare] = array
    if not arrays:
        raise FormatError(f"{path}: holds no tensors; give a checkpoint of a supernet")
    return arrays


def _find_prefix(state: Mapping[Any, Any]) -> str:
    """Return the names of wrappers that stand before every weight's name."""
    names = [str(name).replace(COMPILED, "") for name in state]
    names = [name for name in names if name.rpartition(".")[2] not in COUNTERS]
    prefix = ""
    while names:
        wrapper = next((p for p in PREFIXES if all(name.startswith(prefix + p) for name in names)), None)
        if wrapper is None:
            break
        prefix += wrapper
    return prefix


def _load(path: Path) -> Any:
    import torch

    try:
        with path.open("rb") as file:
            start = file.read(len(POINTER))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the checkpoint's file") from None
    if start == POINTER:
        raise FormatError(f"{path}: is git-lfs's pointer to the weights; fetch the file that it points to")
    if start.lstrip()[:1] == b"{":
        raise FormatError(
            f"{path}: is JSON and holds no weights; a net.config or a subnet's config is read by compofa export, with "
            "a supernet's checkpoint beside it"
        )
    try:
        with torch.serialization.safe_globals(_list_numbers()), warnings.catch_warnings():
            # Torch warns about files that it then reads or refuses anyway.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Torch's own message explains how to execute the file regardless.
        requested = _REQUESTED_GLOBAL.search(str(error))
        why = f"asks for {requested['name']}" if requested else "is no checkpoint of torch's, or cut off"
        raise FormatError(
            f"{path}: {why}; a checkpoint is read for its tensors alone, and nothing of it was executed"
        ) from None
    except Exception as error:
        # A broken file may raise any error, depending on the byte: EOFError, RuntimeError, KeyError, struct.error, ...
        raise FormatError(
            f"{path}: cannot be read as a torch checkpoint ({type(error).__name__}); it may be cut off"
        ) from None


def _list_numbers() -> list[Any]:
    """Return the parts of a pickled numpy number, since some training loops keep their best accuracy as one."""
    scalar = np.float64(0).__reduce__()[0]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [*names, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType]


def _find_state(loaded: Any, path: Path, entry: str) -> tuple[str, Mapping[Any, Any], tuple[str, ...]]:
    """Return the entry that is read, its state dict, and the other entries that hold weights."""
    if not isinstance(loaded, Mapping):
        raise FormatError(f"{path}: holds a {type(loaded).__name__}, not a state dict")
    found = dict(_list_states(loaded))
    if entry:
        if entry not in found:
            there = ", ".join(filter(None, found)) or "none"
            raise InputError(f"{path}: holds no weights under {entry!r}; entries with weights: {there}")
        return entry, found[entry], tuple(name for name in found if name not in ("", entry))
    if not found:
        # The first entry of a usual name that is no state dict says more than the whole file.
        state = next((loaded[name] for name in ENTRIES if name in loaded), loaded)
        if not isinstance(state, Mapping):
            raise FormatError(f"{path}: holds a {type(state).__name__}, not a state dict")
        return "", state, ()
    first, *others = found
    return first, found[first], tuple(others)


def _list_states(loaded: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield the state dicts in a checkpoint, each with its entry, in the order of ``ENTRIES``."""
    has_tensors = any(hasattr(value, "is_floating_point") for value in loaded.values())
    if has_tensors and not loaded.keys() & set(ENTRIES):
        yield prefix.removesuffix("."), loaded
        return
    if prefix.count(".") >= DEEPEST:
        return
    for name in ENTRIES:
        inner = loaded.get(name)
        if isinstance(inner, Mapping):
            yield from _list_states(inner, f"{prefix}{name}.")
