"""Measured kits: a kit's measurements as a device returns them, and the file that carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from latency_tables.build import build_table
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, MismatchError
from latency_tables.field_rule import rule
from latency_tables.item import Item
from latency_tables.machine import Conditions, hash_json
from latency_tables.measured_session import MeasuredSession, find_median_to_p20_ratio
from latency_tables.measurement import Measurement
from latency_tables.record import Record, RecordFile
from latency_tables.table import LatencyTable

AGAIN = "measure the kit anew"
"""The fix of every fault of a file."""


@dataclass(frozen=True)
class MeasuredKit(RecordFile):
    """A kit's measurements under one device spec, in the kit's order.

    Attributes:
        kit_id: The kit's id.
        architecture: The architecture of the kit's networks.
        items: All items of the kit. The reference has no measurement of its own, nor has a layer whose latency is read
            within networks.
        spec: The device spec.
        plan: The plan of the measurement.
        in_process: Whether no process of its own measured it.
        made_with: Versions by name.
        conditions: The machine's conditions during the run.
        measurements: One measurement for each measured item.
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
        """Calibrate the latency table.

        Args:
            emulated: Whether measurements of an emulated CPU are accepted.

        Raises:
            MismatchError: The CPU was emulated.
            InputError: There are too few networks, or a layer was not measured.
        """
        if not emulated:
            self.check_real()
        return build_table(
            self.spec, self.architecture, self.kit_id, self.items, self.measurements, self.conditions
        )

    def check_real(self) -> None:
        """Raise :class:`MismatchError` where the CPU was emulated."""
        if self.spec.machine.emulated:
            raise MismatchError(
                f"this was measured on an emulated {self.spec.machine.architecture}, and tells nothing of a device's "
                "latency; measure on the device, or ask for --emulated to try the way out"
            )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        sessions = tuple(
            _StoredSession(**vars(session), reference_ns=reference)
            for measurement in self.measurements
            for session, reference in zip(measurement.sessions, measurement.references_ns)
        )
        own = {
            entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "measurements"
        }
        return _StoredKit(**own, reference_ms=self.measurements[0].reference_ms, sessions=sessions).to_dict()

    @classmethod
    def from_dict(cls, data: Any, where: str = "the measured kit") -> MeasuredKit:
        """Read the form that :meth:`to_dict` wrote.

        Args:
            data: A JSON value.
            where: Its name in errors.

        Raises:
            FormatError: A field is wrong, the items are not those of the kit, or an item has no session.
        """
        stored = _StoredKit.from_dict(data, where)
        own = {
            entry.name: getattr(stored, entry.name) for entry in fields(cls) if entry.name != "measurements"
        }
        return cls(**own, measurements=_gather_measurements(stored))


def hash_kit(architecture: Mapping[str, Any], items: tuple[Item, ...]) -> str:
    """A kit's id: a hash of its architecture and of every item, and thereby of every model."""
    return hash_json({"architecture": dict(architecture), "items": [item.to_dict() for item in items]})


@dataclass(frozen=True)
class _StoredSession(MeasuredSession):
    """A session in the file, with the reference's latency at its time."""

    reference_ns: float = field(default=0.0, metadata=rule(above=0, advice=AGAIN))


@dataclass(frozen=True)
class _StoredKit(Record):
    """A measured kit in the file, with the sessions of all items in one list."""

    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]
    spec: DeviceSpec = field(metadata=rule(key="device_spec"))
    plan: dict[str, Any]
    in_process: bool
    made_with: dict[str, str]
    conditions: tuple[Conditions, ...] = field(metadata=rule(entries=1, advice=AGAIN))
    reference_ms: float = field(metadata=rule(above=0, advice=AGAIN))
    sessions: tuple[_StoredSession, ...] = field(metadata=rule(key="visits"))

    def check_fields(self, where: str) -> None:
        """Raise :class:`FormatError` where the items or the sessions are not those of the kit."""
        if self.kit_id != hash_kit(self.architecture, self.items):
            raise FormatError(f"{where}, kit_id: does not fit the items; {AGAIN}")
        measured = {item.id for item in self.items if item.kind != "reference"}
        seen = set()
        for i, session in enumerate(self.sessions):
            place = f"{where}, visits[{i}]"
            if session.item not in measured:
                raise FormatError(f"{place}, item: {session.item!r} is not to be measured in this kit")
            if (session.item, session.number) in seen:
                raise FormatError(f"{place}, session: {session.number} of {session.item} is there twice")
            seen.add((session.item, session.number))
        found = {session.item for session in self.sessions}
        missing = [item.id for item in self.items if item.kind == "network" and item.id not in found]
        if missing:
            raise FormatError(f"{where}, visits: has none of item {missing[0]}; {AGAIN}")
        if not found:
            raise FormatError(f"{where}, visits: is empty; {AGAIN}")


def _gather_measurements(kit: _StoredKit) -> tuple[Measurement, ...]:
    """A measurement for each item that has sessions."""
    by_item: dict[str, list[_StoredSession]] = {}
    for session in kit.sessions:
        by_item.setdefault(session.item, []).append(session)
    ratio = find_median_to_p20_ratio(kit.sessions)
    names = [entry.name for entry in fields(MeasuredSession)]
    return tuple(
        Measurement(
            item,
            tuple(
                MeasuredSession(**{name: getattr(own, name) for name in names}) for own in by_item[item.id]
            ),
            kit.reference_ms,
            tuple(own.reference_ns for own in by_item[item.id]),
            ratio,
        )
        for item in kit.items
        if item.id in by_item
    )
