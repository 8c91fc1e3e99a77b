"""Batch-norm statistics of all 243 compound subnets, compressed so that they can ship.

The statistics of a unit (a stage's choice, at a resolution) depend only on the choices before it. They are stored as
one row for each such prefix, over the unit's batch-norm channels. A channel's mean and variance differ little between
prefixes, so their range is split in 16 levels. The rounding is a few hundredths of that range, which is less than the
difference between two draws of calibration images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES, Subnet
from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.errors import FormatError, MismatchError
from latency_tables.layer import Layer

LEVELS = 16
STATISTICS = ("running_mean", "running_var")

Prefix = tuple[int, ...]
"""The choices of the first stages, each an index of ``DEPTHS``; the empty prefix is the stem."""


def list_statistics(layers: Sequence[Layer]) -> list[tuple[str, int]]:
    """Return the name and length of each statistic of these layers, in the order of a row."""
    return [
        (f"{layer.name}.{part}", shape[0])
        for layer in layers
        for part, shape in list_shapes(layer).items()
        if part.endswith(STATISTICS)
    ]


@dataclass(frozen=True)
class StatisticsStore:
    """The statistics of every compound subnet at some resolutions.

    Column c of row p is low[c] + step[c] * level[p, c]. For a variance the column holds its square root.

    Attributes:
        architecture: The architecture.
        resolutions: The resolutions in pixels.
        arrays: By ``<resolution>/<unit>/<part>``: ``levels``, uint8 (prefixes, half the columns), two levels of four
            bits in a byte; ``low`` and ``step``, float16 (columns,).
    """

    architecture: Architecture
    resolutions: tuple[int, ...]
    arrays: Mapping[str, NDArray[np.generic]]

    def find(self, subnet: Subnet) -> dict[str, Array]:
        """Return ``running_mean`` and ``running_var`` of every batch norm of a subnet, under the supernet's names.

        Args:
            subnet: A compound subnet at one of the resolutions.

        Raises:
            MismatchError: The subnet's statistics are not stored.
        """
        if not subnet.is_compound:
            raise MismatchError(
                f"{subnet} is no compound subnet, and batch-norm statistics are kept for those alone; "
                "calibrate it on images"
            )
        if subnet.resolution not in self.resolutions:
            raise MismatchError(
                f"{subnet}: batch-norm statistics ship for resolutions {', '.join(map(str, self.resolutions))}"
            )
        choices = tuple(DEPTHS.index(d) for d in subnet.depths)
        found: dict[str, Array] = {}
        for stages in range(STAGES + 1):
            found |= self.find_unit(subnet.resolution, choices[:stages])
        return found

    def find_unit(self, resolution: int, prefix: Prefix) -> dict[str, Array]:
        """Return the statistics of one unit, under the supernet's names.

        Args:
            resolution: The resolution in pixels.
            prefix: The choices up to the unit.
        """
        unit, layers, row = locate_unit(self.architecture, resolution, prefix)
        values = self._decode_row(f"{resolution}/{unit}", row)
        names = list_statistics(layers)
        if sum(length for _, length in names) != len(values):
            raise FormatError(f"statistics of {unit} have {len(values)} columns; the file is broken")
        ends = np.cumsum([length for _, length in names])
        rows = {name: values[end - length : end] for (name, length), end in zip(names, ends, strict=True)}
        return {name: row**2 if name.endswith("running_var") else row for name, row in rows.items()}

    def check(self) -> None:
        """Check every array.

        Raises:
            FormatError: An array is missing, not finite, or of another shape; the first is named.
        """
        units = [(0,) * stage + (choice,) for stage in range(STAGES) for choice in range(len(DEPTHS))]
        for resolution in self.resolutions:
            for prefix in [(), *units]:
                self._check_unit(resolution, prefix)

    def _check_unit(self, resolution: int, prefix: Prefix) -> None:
        unit, layers, _ = locate_unit(self.architecture, resolution, prefix)
        columns = sum(length for _, length in list_statistics(layers))
        rows = len(DEPTHS) ** max(0, len(prefix) - 1)
        wanted = {
            "levels": (np.uint8, (rows, (columns + 1) // 2)),
            "low": (np.float16, (columns,)),
            "step": (np.float16, (columns,)),
        }
        for part, (dtype, shape) in wanted.items():
            array = self.arrays.get(f"{resolution}/{unit}/{part}")
            if array is None or array.dtype != dtype or array.shape != shape or not np.isfinite(array).all():
                raise FormatError(
                    f"statistics {resolution}/{unit}/{part} are missing, or not {list(shape)} finite numbers; "
                    "the file is broken"
                )

    def _decode_row(self, prefix: str, row: int) -> Array:
        try:
            levels, low, step = (self.arrays[f"{prefix}/{part}"] for part in ("levels", "low", "step"))
            packed = levels[row]
        except (KeyError, IndexError):
            raise FormatError(f"statistics {prefix}, row {row}, are missing; the file is broken") from None
        unpacked = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[: len(low)]
        decoded: Array = low.astype(np.float32) + step.astype(np.float32) * unpacked.astype(np.float32)
        return decoded


def locate_unit(
    architecture: Architecture, resolution: int, prefix: Prefix
) -> tuple[str, tuple[Layer, ...], int]:
    """Return the unit that ends a prefix: its name, its layers, and the row of the choices before it.

    The head depends on all choices, so it belongs to the last stage's units.

    Args:
        architecture: The architecture.
        resolution: The resolution in pixels.
        prefix: The choices up to the unit.
    """
    units = list_units(architecture, resolution)
    if not prefix:
        return "stem", units.stem, 0
    stage, choice = len(prefix) - 1, prefix[-1]
    row = 0
    for before in prefix[:-1]:
        row = row * len(DEPTHS) + before
    layers = units.stages[stage][choice] + (units.head if stage == STAGES - 1 else ())
    return f"stage{stage + 1}.{DEPTHS[choice]}", layers, row


def make_row(layers: Sequence[Layer], state: Mapping[str, Array]) -> Array:
    """Return (columns,): a unit's statistics in order, cut to the unit's width, with square roots of variances.

    Args:
        layers: The unit's layers.
        state: The statistics under the supernet's names.
    """
    parts = [
        (np.sqrt(state[name]) if name.endswith("running_var") else state[name])[:length]
        for name, length in list_statistics(layers)
    ]
    return np.concatenate(parts)


def encode_rows(rows: Array) -> dict[str, NDArray[np.generic]]:
    """Round rows (prefixes, columns) to 16 levels for each column, between its smallest and largest value."""
    low = rows.min(axis=0).astype(np.float16)
    step = ((rows.max(axis=0) - low) / (LEVELS - 1)).astype(np.float16)
    # Relative to the rounded ends, so that the two roundings do not add up.
    scaled = (rows - low) / np.where(step > 0, step, 1).astype(np.float32)
    levels = np.clip(np.rint(scaled), 0, LEVELS - 1).astype(np.uint8)
    if levels.shape[1] % 2:
        levels = np.pad(levels, ((0, 0), (0, 1)))
    return {"levels": levels[:, 0::2] | (levels[:, 1::2] << 4), "low": low, "step": step}


def encode_statistics(
    architecture: Architecture, rows: Mapping[tuple[int, str], Mapping[int, Array]]
) -> StatisticsStore:
    """Compress exact statistics.

    Args:
        architecture: The architecture.
        rows: ``rows[resolution, unit][row]``, (columns,), with units and rows as :func:`locate_unit` returns them.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for (resolution, unit), by_row in rows.items():
        encoded = encode_rows(np.stack([by_row[row] for row in range(len(by_row))]))
        arrays |= {f"{resolution}/{unit}/{part}": value for part, value in encoded.items()}
    return StatisticsStore(architecture, tuple(sorted({resolution for resolution, _ in rows})), arrays)
