"""Supernets on disk: weights as safetensors, with everything else that a use needs in the metadata."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import Array, cut_weights
from compofa_deploy.supernet.shapes import list_supernet_shapes
from compofa_deploy.supernet.statistics import STATISTICS, StatisticsStore
from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.field_rule import rule
from latency_tables.files import replace_file
from latency_tables.layer import Layer
from latency_tables.record import RecordFile

STATISTICS_PREFIX = "statistics/"
BUILT_IN = "mbv3-w0.75-cifar10"


@dataclass(frozen=True)
class StoredSupernet:
    """An architecture with weights, as arrays.

    Attributes:
        architecture: The architecture.
        arrays: The weights in float32, by name.
        statistics: The batch-norm statistics of the compound subnets, or None.
        preprocess: The preprocessing of images.
        class_names: The name of each class.
        origin: How the supernet was made, for the model card and the bundle.
        half: Whether the file holds half precision. Supernets that are trained here do; imported ones do not.
    """

    architecture: Architecture
    arrays: Mapping[str, Array]
    statistics: StatisticsStore | None
    preprocess: Preprocess
    class_names: tuple[str, ...]
    origin: Mapping[str, Any] = field(default_factory=dict)
    half: bool = True

    def weights_of(self, subnet: Subnet) -> dict[str, Array]:
        """Return a subnet's weights with its own batch-norm statistics, under the supernet's names."""
        arrays = self.arrays if self.statistics is None else {**self.arrays, **self.statistics.find(subnet)}
        return cut_weights(arrays, self.layers_of(subnet))

    def layers_of(self, subnet: Subnet) -> tuple[Layer, ...]:
        """Return the layers of a subnet in the order in which they run."""
        return list_layers(self.architecture, subnet)

    def check_calibrated(self, resolutions: Sequence[int]) -> None:
        """Check that there are batch-norm statistics at these resolutions, without which accuracy is lost.

        Raises:
            MismatchError: Statistics are missing at a resolution.
        """
        if self.statistics is None:
            raise MismatchError(
                f"{self.architecture.name} has no batch-norm statistics; calibrate it first: compofa models calibrate"
            )
        for resolution in resolutions:
            if resolution not in self.statistics.resolutions:
                raise MismatchError(
                    f"{self.architecture.name} has no batch-norm statistics at {resolution} px; there are "
                    f"{', '.join(map(str, self.statistics.resolutions))}"
                )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the weights and statistics as they are used. An accuracy table holds it."""
        digest = hashlib.sha256(json.dumps(self.architecture.to_dict(), sort_keys=True).encode())
        for name, array in sorted(_all_arrays(self).items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Metadata(RecordFile):
    """Everything of a supernet's file that is no array."""

    FORMAT = "compofa-supernet"
    VERSION = 1

    architecture: Architecture
    mean: tuple[float, float, float] = field(metadata=rule(minimum=-math.inf))
    std: tuple[float, float, float] = field(metadata=rule(above=0))
    class_names: tuple[str, ...]
    origin: dict[str, Any] = field(default_factory=dict, metadata=rule(optional=True))


def save_supernet(supernet: StoredSupernet, path: Path) -> None:
    """Write the weights in their precision, the compressed statistics, and the metadata.

    Args:
        supernet: The supernet.
        path: The file, which ends in ``.safetensors``.

    Raises:
        InputError: The file cannot be written.
    """
    from safetensors.numpy import save

    metadata = _Metadata(
        supernet.architecture,
        supernet.preprocess.mean,
        supernet.preprocess.std,
        supernet.class_names,
        dict(supernet.origin),
    )
    data = save(_all_arrays(supernet), {"compofa": metadata.to_text()})
    with replace_file(path) as file:
        file.write(data)


def load_supernet(name_or_path: str | Path = BUILT_IN) -> StoredSupernet:
    """Read a supernet from a ``.safetensors`` file, or the supernet that ships by its name.

    Raises:
        FormatError: The file is no supernet, is cut off, or lacks an array of its architecture.
        InputError: There is no such file or name.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        path = built_in_folder() / f"{name_or_path}.safetensors"
        if not path.exists():
            raise InputError(f"no supernet {str(name_or_path)!r}; give a .safetensors file or {BUILT_IN}")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("compofa", "")
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{path}: not a safetensors file that can be read ({error})") from None
    metadata = _Metadata.parse(text, f"{path}, metadata")
    architecture, names = metadata.architecture, metadata.class_names
    if len(names) != architecture.classes:
        raise FormatError(f"{path}: names {len(names)} classes; its architecture has {architecture.classes}")
    arrays = {
        name: array.astype(np.float32)
        for name, array in stored.items()
        if not name.startswith(STATISTICS_PREFIX)
    }
    statistics = _read_statistics(architecture, stored, path)
    half = not any(stored[name].dtype == np.float32 for name in arrays)
    preprocess = Preprocess(metadata.mean, metadata.std)
    supernet = StoredSupernet(architecture, arrays, statistics, preprocess, names, metadata.origin, half)
    _check_arrays(supernet, path)
    return supernet


def built_in_folder() -> Path:
    """Return the folder of the supernet that ships, with its accuracy table and model card."""
    return Path(str(files("compofa_deploy") / "shipped"))


def _all_arrays(supernet: StoredSupernet) -> dict[str, NDArray[np.generic]]:
    dtype = np.float16 if supernet.half else np.float32
    # Safetensors writes the bytes in memory order, and torch may have stored them channels last.
    stored: dict[str, NDArray[np.generic]] = {
        name: np.ascontiguousarray(array, dtype) for name, array in supernet.arrays.items()
    }
    if supernet.statistics is not None:
        stored |= {f"{STATISTICS_PREFIX}{name}": a for name, a in supernet.statistics.arrays.items()}
    return stored


def _read_statistics(
    architecture: Architecture, stored: Mapping[str, NDArray[np.generic]], path: Path
) -> StatisticsStore | None:
    arrays = {
        name.removeprefix(STATISTICS_PREFIX): array
        for name, array in stored.items()
        if name.startswith(STATISTICS_PREFIX)
    }
    if not arrays:
        return None
    try:
        resolutions = tuple(sorted({int(name.partition("/")[0]) for name in arrays}))
    except ValueError as error:
        raise FormatError(f"{path}: statistics under a name that is no resolution ({error})") from None
    return StatisticsStore(architecture, resolutions, arrays)


def _check_arrays(supernet: StoredSupernet, path: Path) -> None:
    for name, shape in list_supernet_shapes(supernet.architecture).items():
        if supernet.statistics is not None and name.endswith(STATISTICS):
            continue
        found = supernet.arrays.get(name)
        if found is None or found.shape != shape:
            what = "is missing" if found is None else f"is {list(found.shape)}, not {list(shape)}"
            raise FormatError(f"{path}: array {name} {what}; it does not fit {supernet.architecture.name}")
        if not np.isfinite(found).all():
            raise FormatError(f"{path}: array {name} holds numbers that are not finite")
    if supernet.statistics is not None:
        try:
            supernet.statistics.check()
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None
