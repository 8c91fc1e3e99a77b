"""Results of ``compofa bench run``, with every sample, in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError
from latency_tables.fields import Fields
from latency_tables.files import read_json, write_json
from latency_tables.machine import list_doubts
from latency_tables.measured_kit import VERSION as KIT_VERSION
from latency_tables.measured_kit import MeasuredKit
from latency_tables.measurement import Item, Measurement, find_quiet
from profilers.measuring.load_cost import Load

FORMAT = "compofa-bench-result"
VERSION = 1
DISTURBED_FACTOR = 1.5
"""A call is disturbed if it takes more than this many times the 20th percentile of its session."""
MAX_DISTURBED_SHARE = 0.10
"""Where more calls are disturbed, the baseline is no longer a yardstick, since networks react differently."""

ONE_CORE = "there is one core: every other process delays the calls"
"""The doubt on a machine of one core."""


@dataclass(frozen=True, slots=True)
class BenchmarkedBundle:
    """What was measured of one bundle.

    Attributes:
        name: The name of the bundle's folder.
        subnet: The subnet's id.
        loads: Load times and memory, each in a new process.
        kit: The run that measured the bundle, beside the other bundles of its device spec.
        item: The bundle's id in that kit.
    """

    name: str
    subnet: str
    loads: tuple[Load, ...]
    kit: MeasuredKit
    item: str

    @property
    def measurement(self) -> Measurement:
        """The bundle's sessions, scaled to the machine's mean speed during the run."""
        return next(m for m in self.kit.measurements if m.item.id == self.item)

    @property
    def spec(self) -> DeviceSpec:
        """The device spec that was measured."""
        return self.kit.spec

    @property
    def baseline(self) -> Item:
        """The baseline network."""
        return next(item for item in self.kit.items if item.kind == "reference")

    @property
    def log_ratios(self) -> NDArray[np.float64]:
        """The log of each session's latency divided by the baseline's around it, (sessions,).

        Both latencies are 20th percentiles, since slower calls tell more about the machine than about the networks.
        """
        pairs = zip(self.measurement.visits, self.measurement.references_ns, strict=True)
        return np.log([visit.quiet_ns / reference for visit, reference in pairs])

    @property
    def disturbed_share(self) -> float:
        """The share of disturbed calls, of the bundle or of the baseline, whichever is larger."""
        visits = self.measurement.visits
        own = [visit.samples_ns for visit in visits]
        looks = [look for visit in visits for look in (visit.reference_before_ns, visit.reference_after_ns)]
        return max(map(_find_disturbed, (own, looks)))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the latency should not be trusted; empty where there is no reason."""
        share = self.disturbed_share
        found = [f"{share:.0%} of the calls were disturbed"] if share > MAX_DISTURBED_SHARE else []
        found += [ONE_CORE] if self.spec.machine.cores == 1 else []
        return (*found, *self.measurement.doubts, *list_doubts(self.kit.conditions, self.spec.threads))


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What one call of ``bench run`` measured.

    Attributes:
        created: ISO 8601, in UTC.
        label: The measured revision, such as a commit; may be empty.
        made_by: The command line.
        bundles: The bundles, in the order in which they were named.
    """

    created: str
    label: str
    made_by: str
    bundles: tuple[BenchmarkedBundle, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        kits = self._list_kits()
        return {
            "created": self.created,
            "label": self.label,
            "made_by": self.made_by,
            "bundles": [
                {
                    "name": benched.name,
                    "subnet": benched.subnet,
                    "loads": [load.to_dict() for load in benched.loads],
                    "kit_id": benched.kit.kit_id,
                    "item": benched.item,
                }
                for benched in self.bundles
            ],
            "kit_version": KIT_VERSION,
            "kits": [kit.to_dict() for kit in kits],
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "the result") -> Self:
        """Read what :meth:`to_dict` wrote; :class:`FormatError` names the field that is wrong."""
        read = Fields(data, where)
        if read.integer("kit_version") != KIT_VERSION:
            raise read.wrong(
                "kit_version", f"is another than this release reads, {KIT_VERSION}; measure again"
            )
        kits: dict[str, MeasuredKit] = {}
        for i, entry in enumerate(read.items("kits")):
            kit = MeasuredKit.from_dict(entry, f"{where}, kits[{i}]")
            kits[kit.kit_id] = kit
        bundles = tuple(
            _read_bundle(Fields(entry, f"{where}, bundles[{i}]"), kits)
            for i, entry in enumerate(read.items("bundles"))
        )
        names = [benched.name for benched in bundles]
        if not names or len(set(names)) < len(names):
            raise read.wrong("bundles", "must be there, each under a name of its own; measure again")
        return cls(read.text("created"), read.text("label"), read.text("made_by"), bundles)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(path, FORMAT, VERSION, self.to_dict(), indent=None)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file; :class:`InputError` or :class:`FormatError` says what is wrong with it, and where."""
        return cls.from_dict(read_json(path, FORMAT, VERSION), str(path))

    def _list_kits(self) -> list[MeasuredKit]:
        return list({benched.kit.kit_id: benched.kit for benched in self.bundles}.values())


def _find_disturbed(sessions: Iterable[Sequence[int]]) -> float:
    calls = [np.asarray(samples) > DISTURBED_FACTOR * find_quiet(samples) for samples in sessions]
    return float(np.mean(np.concatenate(calls)))


def _read_bundle(read: Fields, kits: dict[str, MeasuredKit]) -> BenchmarkedBundle:
    kit_id, item = read.text("kit_id"), read.text("item")
    if kit_id not in kits or item not in {m.item.id for m in kits[kit_id].measurements}:
        raise read.wrong("item", f"was not measured in kit {kit_id}; measure again")
    loads = tuple(
        Load.from_dict(entry, f"{read.where}, loads[{i}]") for i, entry in enumerate(read.items("loads"))
    )
    if not loads:
        raise FormatError(f"{read.where}, loads: is empty; measure again")
    return BenchmarkedBundle(read.text("name"), read.text("subnet"), loads, kits[kit_id], item)
