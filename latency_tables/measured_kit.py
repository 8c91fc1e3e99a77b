"""Measured kits: what a device brings back of a kit, and the file that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from latency_tables.build import build_table
from latency_tables.device import DeviceSpec
from latency_tables.drift import find_swell
from latency_tables.errors import FormatError, MismatchError
from latency_tables.field_rule import rule
from latency_tables.machine import Conditions, hash_json
from latency_tables.measurement import Item, Measurement, Visit
from latency_tables.record import Record, RecordFile
from latency_tables.table import LatencyTable


@dataclass(frozen=True)
class MeasuredKit(RecordFile):
    """A kit's measurements under one device spec, in the kit's order.

    ``items`` are all of the kit's; the reference has no measurement of its own, nor have layers that were looked at
    within networks instead. ``plan`` is how it was
    measured, and ``in_process`` says that no process of its own did it. ``made_with`` has versions by name.
    """

    FORMAT = "compofa-measured-kit"
    VERSION = 2

    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]
    spec: DeviceSpec
    plan: dict[str, Any]
    in_process: bool
    made_with: dict[str, str]
    conditions: tuple[Conditions, ...]
    measurements: tuple[Measurement, ...]

    def build_table(self, emulated: bool = False) -> LatencyTable:
        """Calibrate the latency table. :class:`MismatchError` where it was measured on a CPU that was only emulated,
        unless that is asked for: no device is as fast as that."""
        if not emulated:
            self.check_real()
        return build_table(
            self.spec, self.architecture, self.kit_id, self.items, self.measurements, self.conditions
        )

    def check_real(self) -> None:
        """:class:`MismatchError` where it was measured on an emulated CPU."""
        if self.spec.machine.emulated:
            raise MismatchError(
                f"this was measured on an emulated {self.spec.machine.architecture}, and tells nothing of a device's "
                "latency; measure on the device, or ask for --emulated to try the way out"
            )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        visits = tuple(
            _StoredVisit(**vars(visit), reference_ns=reference)
            for m in self.measurements
            for visit, reference in zip(m.visits, m.references_ns)
        )
        return _StoredKit(
            self.kit_id, self.architecture, self.items, self.spec, self.plan, self.in_process, self.made_with,
            self.conditions, self.measurements[0].reference_ms, visits,
        ).to_dict()  # fmt: skip

    @classmethod
    def from_dict(cls, data: Any, where: str = "the measured kit") -> MeasuredKit:
        """Read what :meth:`to_dict` wrote.

        :class:`FormatError` names what is wrong: a field, items that are not the kit's, or an item without visits.
        """
        kit = _StoredKit.from_dict(data, where)
        return cls(
            kit.kit_id, kit.architecture, kit.items, kit.spec, kit.plan, kit.in_process, kit.made_with,
            kit.conditions, _gather_measurements(kit, where),
        )  # fmt: skip


def hash_kit(architecture: Mapping[str, Any], items: tuple[Item, ...]) -> str:
    """A kit's id: a hash of its architecture and of every item, and so of every model."""
    return hash_json({"architecture": dict(architecture), "items": [item.to_dict() for item in items]})


@dataclass(frozen=True)
class _StoredVisit(Visit):
    """A visit as the file has it, with the reference's level at its time."""

    reference_ns: float = field(default=0.0, metadata=rule(above=0, advice="measure the kit anew"))


@dataclass(frozen=True)
class _StoredKit(Record):
    """A measured kit as the file has it: visits in one list."""

    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]
    spec: DeviceSpec = field(metadata=rule(key="device_spec"))
    plan: dict[str, Any]
    in_process: bool
    made_with: dict[str, str]
    conditions: tuple[Conditions, ...] = field(metadata=rule(entries=1, advice="measure the kit anew"))
    reference_ms: float = field(metadata=rule(above=0, advice="measure the kit anew"))
    visits: tuple[_StoredVisit, ...]

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where the items are not those of the kit."""
        if self.kit_id != hash_kit(self.architecture, self.items):
            raise FormatError(f"{where}, kit_id: does not fit the items; measure the kit anew")


def _gather_measurements(kit: _StoredKit, where: str) -> tuple[Measurement, ...]:
    visits: dict[str, list[_StoredVisit]] = {item.id: [] for item in kit.items if item.kind != "reference"}
    for i, visit in enumerate(kit.visits):
        place = f"{where}, visits[{i}]"
        if visit.item not in visits:
            raise FormatError(f"{place}, item: {visit.item!r} is not to be measured in this kit")
        if visit.session in {other.session for other in visits[visit.item]}:
            raise FormatError(f"{place}, session: {visit.session} of {visit.item} is there twice")
        visits[visit.item].append(visit)
    missing = next((item.id for item in kit.items if item.kind == "network" and not visits[item.id]), None)
    if missing is not None:
        raise FormatError(f"{where}, visits: has none of item {missing}; measure the kit anew")
    if not kit.visits:
        raise FormatError(f"{where}, visits: is empty; measure the kit anew")
    swell = find_swell(kit.visits)
    names = [entry.name for entry in fields(Visit)]

    def strip(visit: _StoredVisit) -> Visit:
        return Visit(**{name: getattr(visit, name) for name in names})

    return tuple(
        Measurement(
            item, tuple(map(strip, visits[item.id])), kit.reference_ms,
            tuple(visit.reference_ns for visit in visits[item.id]), swell,
        )
        for item in kit.items
        if visits.get(item.id)
    )  # fmt: skip
