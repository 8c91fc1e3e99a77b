"""Accuracies by precision: those of float32, and those that were measured of exported graphs."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.accuracy.table import F32, AccuracyTable
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceSpec
from latency_tables.errors import MismatchError

SUFFIX = ".accuracy.json"


@dataclass(frozen=True)
class AccuraciesByPrecision:
    """The accuracy tables of one supernet.

    Attributes:
        f32: The table in float32.
        lower: The tables of exported graphs, each of one runtime and one lower precision.

    Raises:
        MismatchError: A table has other weights or other images than ``f32``, so it differs by more than precision.
    """

    f32: AccuracyTable
    lower: tuple[AccuracyTable, ...] = ()

    def __post_init__(self) -> None:
        if self.f32.precision != F32:
            raise MismatchError(
                f"the accuracy table was measured in {self.f32.precision}; name that of {F32}: tables of other "
                f"precisions are found beside it, as NAME.{self.f32.runtime}-{self.f32.precision}{SUFFIX}"
            )
        for table in self.lower:
            table.check_supernet(self.f32.supernet)
            if (table.data, table.images) != (self.f32.data, self.f32.images):
                raise MismatchError(
                    f"accuracies in {table.precision} on {table.runtime} were measured on other images than those in "
                    f"{F32}; measure them on the same with compofa evaluate --runtime {table.runtime}"
                )

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the table in float32."""
        return self.f32.resolutions

    def describe(self) -> str:
        """Returns where the accuracies come from, in a few words."""
        return "evaluated on images"

    @classmethod
    def beside(cls, f32: AccuracyTable, path: Path) -> AccuraciesByPrecision:
        """Load the tables of exported graphs that are beside a table in float32.

        Args:
            f32: The table in float32.
            path: Its file, ``NAME.accuracy.json``. Those beside it are ``NAME.RUNTIME-PRECISION.accuracy.json``.
        """
        stem = glob.escape(path.name.removesuffix(SUFFIX))
        return cls(f32, tuple(map(AccuracyTable.load, sorted(path.parent.glob(f"{stem}.*{SUFFIX}")))))

    def find(self, spec: DeviceSpec, subnet: Subnet | None = None) -> AccuracyTable | None:
        """Find the table of a device spec's runtime and precision. Every runtime computes float32 alike.

        Args:
            spec: The device spec.
            subnet: A subnet that the table must have.

        Returns:
            The table, or ``None`` where there is none.
        """
        if spec.precision == F32:
            return self.f32
        known = (spec.runtime, spec.precision)
        found = next((table for table in self.lower if (table.runtime, table.precision) == known), None)
        return None if found is None or (subnet is not None and not found.has(subnet)) else found

    def of(self, spec: DeviceSpec, subnet: Subnet | None = None) -> AccuracyTable:
        """Find the table of a device spec as :meth:`find` does; the one in float32 where there is none."""
        return self.find(spec, subnet) or self.f32
