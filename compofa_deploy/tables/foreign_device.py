"""What is known of a latency table that was measured elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from latency_tables.device import DeviceSpec
from latency_tables.imported import describe_device


@dataclass(frozen=True, slots=True, kw_only=True)
class TableImportOptions:
    """The device that a foreign table was measured on. ``None`` means unknown.

    Attributes:
        machine: The machine's name, as in ``Samsung Note10``.
        runtime: What executed the layers.
        runtime_version: The runtime's version.
        device: The runtime's device, as in ``cpu``.
        precision: The precision, as in ``f32``.
        threads: The threads that worked on one operator.
        batch: The images in one call.
        space: The space that the table must cover; ``None`` for the widest of the architecture.
        unit: The unit of the table's latencies: ``ms``, ``us`` or ``s``.
    """

    machine: str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    device: str | None = None
    precision: str | None = None
    threads: int | None = None
    batch: int | None = None
    space: str | None = None
    unit: str = "ms"

    def describe_device(self) -> DeviceSpec:
        """Returns the device spec, in which unknown settings are marked as such."""
        return describe_device(
            self.machine,
            self.runtime,
            self.runtime_version,
            self.device,
            self.precision,
            self.threads,
            self.batch,
        )
