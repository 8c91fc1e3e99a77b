"""Measured kits: what a device brings back of a kit, and the file that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from latency_tables.build import build_table
from latency_tables.device import DeviceSpec
from latency_tables.drift import find_swell
from latency_tables.errors import FormatError, MismatchError
from latency_tables.fields import Fields
from latency_tables.files import parse_json, read_json, write_json
from latency_tables.machine import Conditions, hash_json
from latency_tables.measurement import Item, Measurement, Visit
from latency_tables.table import LatencyTable

FORMAT = "compofa-measured-kit"
VERSION = 2


@dataclass(frozen=True, slots=True)
class MeasuredKit:
    """A kit's measurements under one device spec, in the kit's order.

    ``items`` are all of the kit's; the reference has no measurement of its own, nor have layers that were looked at
    within networks instead. ``plan`` is how it was
    measured, and ``in_process`` says that no process of its own did it. ``made_with`` has versions by name.
    """

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
        return {
            "kit_id": self.kit_id,
            "architecture": self.architecture,
            "items": [item.to_dict() for item in self.items],
            "device_spec": self.spec.to_dict(),
            "plan": self.plan,
            "in_process": self.in_process,
            "made_with": self.made_with,
            "conditions": [conditions.to_dict() for conditions in self.conditions],
            "reference_ms": self.measurements[0].reference_ms,
            "visits": [
                {**visit.to_dict(), "reference_ns": reference}
                for m in self.measurements
                for visit, reference in zip(m.visits, m.references_ns, strict=True)
            ],
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "the measured kit") -> Self:
        """Read what :meth:`to_dict` wrote.

        :class:`FormatError` names what is wrong: a field, items that are not the kit's, or an item without visits.
        """
        read = Fields(data, where)
        items = tuple(Item.from_dict(e, f"{where}, items[{i}]") for i, e in enumerate(read.items("items")))
        architecture = dict(read.inner("architecture").data)
        kit_id = read.text("kit_id")
        if kit_id != hash_kit(architecture, items):
            raise read.wrong("kit_id", "does not fit the items; measure the kit anew")
        conditions = tuple(
            Conditions.from_dict(entry, f"{where}, conditions[{i}]")
            for i, entry in enumerate(read.items("conditions"))
        )
        if not conditions:
            raise read.wrong("conditions", "is empty; measure the kit anew")
        return cls(
            kit_id,
            architecture,
            items,
            DeviceSpec.from_dict(read.value("device_spec"), f"{where}, device_spec"),
            dict(read.inner("plan").data),
            read.flag("in_process"),
            {name: read.inner("made_with").text(name) for name in read.inner("made_with").data},
            conditions,
            _read_measurements(read, items),
        )

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(path, FORMAT, VERSION, self.to_dict(), indent=None)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file; :class:`InputError` or :class:`FormatError` says what is wrong with it, and where."""
        return cls.from_dict(read_json(path, FORMAT, VERSION), str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read a file's text; ``where`` names it in errors."""
        return cls.from_dict(parse_json(text, where, FORMAT, VERSION), where)


def hash_kit(architecture: Mapping[str, Any], items: tuple[Item, ...]) -> str:
    """A kit's id: a hash of its architecture and of every item, and so of every model."""
    return hash_json({"architecture": dict(architecture), "items": [item.to_dict() for item in items]})


def _read_measurements(read: Fields, items: tuple[Item, ...]) -> tuple[Measurement, ...]:
    reference_ms = read.number("reference_ms")
    if not reference_ms:
        raise read.wrong("reference_ms", "must be above 0; measure the kit anew")
    visits: dict[str, list[Visit]] = {item.id: [] for item in items if item.kind != "reference"}
    references: dict[str, list[float]] = {id: [] for id in visits}
    for i, entry in enumerate(read.items("visits")):
        where = f"{read.where}, visits[{i}]"
        visit = Visit.from_dict(entry, where)
        if visit.item not in visits:
            raise FormatError(f"{where}, item: {visit.item!r} is not to be measured in this kit")
        if visit.session in {other.session for other in visits[visit.item]}:
            raise FormatError(f"{where}, session: {visit.session} of {visit.item} is there twice")
        visits[visit.item].append(visit)
        references[visit.item].append(_read_reference(Fields(entry, where)))
    missing = next((item.id for item in items if item.kind == "network" and not visits[item.id]), None)
    if missing is not None:
        raise read.wrong("visits", f"has none of item {missing}; measure the kit anew")
    if not any(visits.values()):
        raise read.wrong("visits", "is empty; measure the kit anew")
    swell = find_swell([visit for own in visits.values() for visit in own])
    return tuple(
        Measurement(item, tuple(visits[item.id]), reference_ms, tuple(references[item.id]), swell)
        for item in items
        if visits.get(item.id)
    )


def _read_reference(read: Fields) -> float:
    reference = read.number("reference_ns")
    if not reference:
        raise read.wrong("reference_ns", "must be above 0; measure the kit anew")
    return reference
