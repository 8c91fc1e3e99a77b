"""Plans: how long and how often to measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latency_tables.errors import InputError
from latency_tables.measurement import Item
from latency_tables.record import Record


@dataclass(frozen=True)
class Plan(Record):
    """How a kit is measured. Every item is visited in so many fresh sessions, spread over the whole run.

    A visit samples for at least ``min_calls`` and ``min_ms``, and stops at the first of ``max_calls`` and
    ``max_ms``; the reference is timed likewise, for ``reference_calls`` and no time. A visit that takes longer
    than ``visit_limit_s`` is taken for a hang.
    """

    layer_sessions: int = 3
    network_sessions: int = 3
    min_calls: int = 30
    min_ms: float = 20.0
    max_calls: int = 1000
    max_ms: float = 2000.0
    reference_calls: int = 20
    visit_limit_s: float = 60.0

    def __post_init__(self) -> None:
        counts = (self.layer_sessions, self.network_sessions, self.min_calls, self.reference_calls)
        if min(counts) < 1 or self.max_calls < self.min_calls or not 0 <= self.min_ms <= self.max_ms:
            raise InputError("a plan's counts are at least 1 and its maxima no smaller than its minima")

    @classmethod
    def full(cls) -> Plan:
        """For a table that is kept: sessions differ by more than the calls of one do, so many short ones."""
        return cls(layer_sessions=5, network_sessions=10, min_calls=16, min_ms=15.0, reference_calls=15)

    @classmethod
    def quick(cls) -> Plan:
        """For ``deploy``: under a minute for 32 networks of 0.2 to 1 ms, and as many layers again."""
        return cls(layer_sessions=3, network_sessions=5, min_calls=12, min_ms=10.0, reference_calls=12)

    def sessions(self, item: Item) -> int:
        """How many fresh sessions an item is given."""
        return self.layer_sessions if item.kind == "layer" else self.network_sessions

    def limits(self) -> dict[str, Any]:
        """The bounds of sampling one visit, as :func:`profilers.measuring.timing.sample` takes them."""
        return {
            "min_calls": self.min_calls,
            "min_ms": self.min_ms,
            "max_calls": self.max_calls,
            "max_ms": self.max_ms,
        }
