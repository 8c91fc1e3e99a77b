"""Batch-norm statistics of all 243 compound subnets, kept small enough to ship.

The statistics of a unit (a stage's choice, at a resolution) depend on the choices before it alone. They are kept as
one row for each such prefix, over the unit's batch-norm channels. Between prefixes a channel's mean and variance move
in a narrow band, which is split in 16 levels: the rounding is a few hundredths of that band, less than what another
draw of calibration images would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.architecture import Architecture
from compofa_deploy.subnet import DEPTHS, STAGES, Subnet
from compofa_deploy.supernet.cut import Array, list_shapes
from compofa_deploy.supernet.units import list_units
from latency_tables.errors import FormatError, MismatchError
from latency_tables.layer import Layer

LEVELS = 16
STATISTICS = ("running_mean", "running_var")

Choices = tuple[int, ...]


def list_statistics(layers: Sequence[Layer]) -> list[tuple[str, int]]:
    """Name and length of each statistic of these layers, in the order in which rows hold them."""
    return [
        (f"{layer.name}.{part}", shape[0])
        for layer in layers
        for part, shape in list_shapes(layer).items()
        if part.endswith(STATISTICS)
    ]


@dataclass(frozen=True)
class StatisticsStore:
    """Statistics of every compound subnet at some resolutions.

    ``arrays``, by ``<resolution>/<unit>/<part>``: ``levels``, uint8 (prefixes, half the columns), two of four bits in
    a byte; ``low`` and ``step``, float32 (columns,). Column c of row p is low[c] + step[c] * level[p, c].
    """

    architecture: Architecture
    resolutions: tuple[int, ...]
    arrays: Mapping[str, NDArray[np.generic]]

    def find(self, subnet: Subnet) -> dict[str, Array]:
        """``running_mean`` and ``running_var`` of every batch norm of a subnet, under the supernet's names.

        :class:`MismatchError` where the subnet is none of those whose statistics are kept.
        """
        if not subnet.is_compound:
            raise MismatchError(
                f"{subnet} is no compound subnet, and batch-norm statistics ship for those alone; calibrate it on images"
            )
        if subnet.resolution not in self.resolutions:
            raise MismatchError(
                f"{subnet}: batch-norm statistics ship for resolutions {', '.join(map(str, self.resolutions))}"
            )
        choices = tuple(DEPTHS.index(d) for d in subnet.depths)
        found: dict[str, Array] = {}
        for unit, layers, row in locate_units(self.architecture, subnet.resolution, choices):
            values = self._decode_row(f"{subnet.resolution}/{unit}", row)
            start = 0
            for name, length in list_statistics(layers):
                found[name] = values[start : start + length]
                start += length
            if start != len(values):
                raise FormatError(
                    f"statistics of {unit} have {len(values)} columns and need {start}; the file is broken"
                )
        return found

    def _decode_row(self, prefix: str, row: int) -> Array:
        try:
            levels, low, step = (self.arrays[f"{prefix}/{part}"] for part in ("levels", "low", "step"))
            packed = levels[row]
        except (KeyError, IndexError):
            raise FormatError(f"statistics {prefix}, row {row}, are missing; the file is broken") from None
        unpacked = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[: len(low)]
        decoded: Array = (low + step * unpacked.astype(np.float32)).astype(np.float32)
        return decoded


def locate_units(
    architecture: Architecture, resolution: int, choices: Choices
) -> Iterable[tuple[str, tuple[Layer, ...], int]]:
    """The units of a subnet: name, layers with statistics, and the row of the prefix that leads to it.

    The head's one batch norm depends on all choices, so it is kept with the last stage.
    """
    units = list_units(architecture, resolution)
    yield "stem", units.stem, 0
    row = 0
    for stage, choice in enumerate(choices):
        layers = units.stages[stage][choice] + (units.head if stage == STAGES - 1 else ())
        yield f"stage{stage + 1}.{DEPTHS[choice]}", layers, row
        row = row * len(DEPTHS) + choice


def encode_rows(rows: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """Round rows (prefixes, columns) to 16 levels a column between its smallest and largest value."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    step = ((high - low) / (LEVELS - 1)).astype(np.float32)
    levels = np.rint((rows - low) / np.where(step > 0, step, 1)).astype(np.uint8)
    if levels.shape[1] % 2:
        levels = np.pad(levels, ((0, 0), (0, 1)))
    return {
        "levels": levels[:, 0::2] | (levels[:, 1::2] << 4),
        "low": low.astype(np.float32),
        "step": step,
    }


def encode_statistics(
    architecture: Architecture, rows: Mapping[tuple[int, str], Mapping[int, NDArray[np.float32]]]
) -> StatisticsStore:
    """Make a store of exact statistics: ``rows[resolution, unit][row]`` as :func:`locate_units` names them."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for (resolution, unit), by_row in rows.items():
        encoded = encode_rows(np.stack([by_row[row] for row in range(len(by_row))]))
        arrays |= {f"{resolution}/{unit}/{part}": value for part, value in encoded.items()}
    return StatisticsStore(architecture, tuple(sorted({resolution for resolution, _ in rows})), arrays)
