"""Results of ``compofa bench run``, with every sample, in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError
from latency_tables.field_rule import rule
from latency_tables.item import Item
from latency_tables.machine import list_doubts
from latency_tables.measured_kit import MeasuredKit
from latency_tables.measured_session import find_p20
from latency_tables.measurement import Measurement
from latency_tables.record import Record, RecordFile
from profilers.measuring.load_cost import Load

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
        pairs = zip(self.measurement.sessions, self.measurement.references_ns, strict=True)
        return np.log([session.p20_ns / reference for session, reference in pairs])

    @property
    def disturbed_share(self) -> float:
        """The share of disturbed calls, of the bundle or of the baseline, whichever is larger."""
        sessions = self.measurement.sessions
        own = [session.samples_ns for session in sessions]
        timings = [
            timing
            for session in sessions
            for timing in (session.reference_before_ns, session.reference_after_ns)
        ]
        return max(map(_find_disturbed, (own, timings)))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the latency should not be trusted; empty where there is no reason."""
        share = self.disturbed_share
        found = [f"{share:.0%} of the calls were disturbed"] if share > MAX_DISTURBED_SHARE else []
        found += [ONE_CORE] if self.spec.machine.cores == 1 else []
        return (*found, *self.measurement.doubts, *list_doubts(self.kit.conditions, self.spec.threads))


@dataclass(frozen=True, slots=True)
class BenchResult(RecordFile):
    """What one call of ``bench run`` measured.

    Attributes:
        created: ISO 8601, in UTC.
        label: The measured revision, such as a commit; may be empty.
        made_by: The command line.
        bundles: The bundles, in the order in which they were named.
    """

    FORMAT = "compofa-bench-result"
    VERSION = 1

    created: str
    label: str
    made_by: str
    bundles: tuple[BenchmarkedBundle, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`. Bundles that share a run share its samples."""
        bundles = tuple(_StoredBundle(b.name, b.subnet, b.loads, b.kit.kit_id, b.item) for b in self.bundles)
        kits = {benched.kit.kit_id: benched.kit for benched in self.bundles}
        return _StoredResult(
            self.created, self.label, self.made_by, bundles, MeasuredKit.VERSION, tuple(kits.values())
        ).to_dict()

    @classmethod
    def from_dict(cls, data: Any, where: str = "the result") -> BenchResult:
        """Read the form that :meth:`to_dict` wrote.

        Args:
            data: A JSON value.
            where: Its name in errors.

        Raises:
            FormatError: A field is missing or wrong; the message names it.
        """
        stored = _StoredResult.from_dict(data, where)
        kits = {kit.kit_id: kit for kit in stored.kits}
        bundles = tuple(
            BenchmarkedBundle(b.name, b.subnet, b.loads, kits[b.kit_id], b.item) for b in stored.bundles
        )
        return cls(stored.created, stored.label, stored.made_by, bundles)


@dataclass(frozen=True)
class _StoredBundle(Record):
    """A bundle as the file has it: its kit is named."""

    name: str
    subnet: str
    loads: tuple[Load, ...] = field(metadata=rule(entries=1, advice="measure again"))
    kit_id: str
    item: str


@dataclass(frozen=True)
class _StoredResult(Record):
    """A result as the file has it: each kit once."""

    created: str
    label: str
    made_by: str
    bundles: tuple[_StoredBundle, ...]
    kit_version: int
    kits: tuple[MeasuredKit, ...]

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where a bundle was not measured, or has the name of another."""
        if self.kit_version != MeasuredKit.VERSION:
            raise FormatError(
                f"{where}, kit_version: is another than this release reads, {MeasuredKit.VERSION}; measure again"
            )
        measured = {(kit.kit_id, m.item.id) for kit in self.kits for m in kit.measurements}
        for i, bundle in enumerate(self.bundles):
            if (bundle.kit_id, bundle.item) not in measured:
                raise FormatError(
                    f"{where}, bundles[{i}], item: was not measured in kit {bundle.kit_id}; measure again"
                )
        names = [bundle.name for bundle in self.bundles]
        if not names or len(set(names)) < len(names):
            raise FormatError(f"{where}, bundles: must be there, each under a name of its own; measure again")


def _find_disturbed(sessions: Iterable[Sequence[int]]) -> float:
    calls = [np.asarray(samples) > DISTURBED_FACTOR * find_p20(samples) for samples in sessions]
    return float(np.mean(np.concatenate(calls)))
