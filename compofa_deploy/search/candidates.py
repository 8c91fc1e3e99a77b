"""Candidates: subnets at resolutions on device specs, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import Subnet
from latency_tables.table import LatencyTable

if TYPE_CHECKING:
    import pandas

SETTINGS = ("runtime", "device", "precision", "threads")
"""The fields of a device spec that a candidate's description holds."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Arrays with one entry for each candidate, in a fixed order.

    Attributes:
        tables: The latency tables, one for each device spec.
        depths: (n,): the index of the subnet in ``listed``, or in ``COMPOUND_DEPTHS`` where ``listed`` is empty.
        resolution: (n,): the resolution in pixels.
        table: (n,): the index of the table.
        accuracy: (n,): the validation top-1 in per cent.
        latency_ms: (n,): the predicted latency in ms.
        margin: (n,): the half-width of the latency's interval, relative to the latency. It is 0 where the table
            states no error; :meth:`describe` then says that the upper end is unknown.
        macs: (n,): the multiply-accumulates for one image.
        params: (n,): the number of parameters.
        size_bytes: (n,): an upper bound of the model's size.
        listed: The subnets, where they are not the compound subnets.
    """

    tables: tuple[LatencyTable, ...]
    depths: Integers
    resolution: Integers
    table: Integers
    accuracy: Floats
    latency_ms: Floats
    margin: Floats
    macs: Integers
    params: Integers
    size_bytes: Integers
    listed: tuple[Subnet, ...] = ()

    def __len__(self) -> int:
        return len(self.depths)

    def subnet(self, index: int) -> Subnet:
        """Return the subnet of the candidate at an index."""
        if self.listed:
            return self.listed[int(self.depths[index])]
        return Subnet.compound(COMPOUND_DEPTHS[self.depths[index]], int(self.resolution[index]))

    def take(self, indices: NDArray[np.intp]) -> Candidates:
        """Return the candidates at these indices, in their order."""
        arrays = {name: getattr(self, name)[indices] for name in ARRAYS}
        return Candidates(self.tables, **arrays, listed=self.listed)

    def order(self) -> NDArray[np.intp]:
        """Return the indices from the best candidate to the worst.

        The order is by accuracy, then lower latency, fewer MACs, fewer parameters, earlier table, higher resolution,
        and the subnet's index. No two candidates share all of these, so there are no ties.
        """
        return np.lexsort(
            (
                self.depths,
                -self.resolution,
                self.table,
                self.params,
                self.macs,
                self.latency_ms,
                -self.accuracy,
            )
        )

    def to_frame(self) -> pandas.DataFrame:
        """Return a data frame with one row for each candidate. The columns' names hold the units."""
        import pandas

        specs = [table.spec.describe() for table in self.tables]
        stated = np.array([table.states_error for table in self.tables])[self.table]
        return pandas.DataFrame(
            {
                "subnet": [self.subnet(index).id for index in range(len(self))],
                "accuracy_percent": self.accuracy,
                "latency_ms": self.latency_ms,
                "latency_upper_ms": np.where(stated, self.latency_ms * (1 + self.margin), np.nan),
                "macs": self.macs,
                "params": self.params,
                "size_bytes_at_most": self.size_bytes,
                "device_spec": [specs[index] for index in self.table],
            }
        )

    def describe(self, index: int) -> dict[str, Any]:
        """Return the candidate at an index as JSON-ready values."""
        latency, margin = float(self.latency_ms[index]), float(self.margin[index])
        spec = self.tables[self.table[index]].spec
        return {
            "subnet": self.subnet(index).id,
            "ofa_config": self.subnet(index).to_ofa(),
            "accuracy": round(float(self.accuracy[index]), 4),
            "latency_ms": latency,
            "latency_upper_ms": latency * (1 + margin)
            if self.tables[self.table[index]].states_error
            else None,
            "macs": int(self.macs[index]),
            "params": int(self.params[index]),
            "size_bytes_at_most": int(self.size_bytes[index]),
            "device_spec": spec.describe(),
            **{word: getattr(spec, word) for word in SETTINGS if word not in spec.unknown},
        }


ARRAYS = tuple(f.name for f in fields(Candidates) if f.name not in ("tables", "listed"))
