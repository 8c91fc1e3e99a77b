"""Accuracies by the precision that a graph computes in: those of float32, and what was measured of exported graphs."""

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
    """``f32`` is of the supernet; each of ``lower`` of its subnets as they are exported to a runtime, in a precision.

    :class:`MismatchError` where one is of other weights or other images: what they differ in would then not be the
    precision.
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
        """Those of float32."""
        return self.f32.resolutions

    def describe(self) -> str:
        """Returns where the accuracies come from, in a few words."""
        return "evaluated on images"

    @classmethod
    def beside(cls, f32: AccuracyTable, path: Path) -> AccuraciesByPrecision:
        """The table in float32 whose file is ``path``, with all that were measured of exported graphs and are beside
        it, as ``NAME.RUNTIME-PRECISION.accuracy.json``."""
        stem = glob.escape(path.name.removesuffix(SUFFIX))
        return cls(f32, tuple(map(AccuracyTable.load, sorted(path.parent.glob(f"{stem}.*{SUFFIX}")))))

    def find(self, spec: DeviceSpec, subnet: Subnet | None = None) -> AccuracyTable | None:
        """What is known of a device spec's runtime and precision, and there of a subnet where one is given; every
        runtime computes float32 alike."""
        if spec.precision == F32:
            return self.f32
        known = (spec.runtime, spec.precision)
        found = next((table for table in self.lower if (table.runtime, table.precision) == known), None)
        return None if found is None or (subnet is not None and not found.has(subnet)) else found

    def of(self, spec: DeviceSpec, subnet: Subnet | None = None) -> AccuracyTable:
        """The same, or that of float32 where nothing is known."""
        return self.find(spec, subnet) or self.f32
