"""Plans: how long and how often to measure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from latency_tables.errors import InputError
from latency_tables.field_rule import rule
from latency_tables.item import Item
from latency_tables.record import Record


@dataclass(frozen=True)
class Plan(Record):
    """How long and how often a kit is measured.

    A session samples at least ``min_calls`` and for ``min_ms``, and stops at the first of ``max_calls`` and ``max_ms``.

    Attributes:
        layer_sessions: The fresh sessions of each layer, spread over the whole run.
        network_sessions: The fresh sessions of each network, spread over the whole run.
        min_calls: The fewest calls of a session.
        min_ms: The shortest time of a session in ms.
        max_calls: The most calls of a session.
        max_ms: The longest time of a session in ms.
        reference_calls: The calls of each timing of the reference.
        session_limit_s: The time in seconds after which a session counts as a hang.
    """

    layer_sessions: int = 3
    network_sessions: int = 3
    min_calls: int = 30
    min_ms: float = 20.0
    max_calls: int = 1000
    max_ms: float = 2000.0
    reference_calls: int = 20
    session_limit_s: float = field(default=60.0, metadata=rule(key="visit_limit_s"))

    def __post_init__(self) -> None:
        counts = (self.layer_sessions, self.network_sessions, self.min_calls, self.reference_calls)
        if min(counts) < 1 or self.max_calls < self.min_calls or not 0 <= self.min_ms <= self.max_ms:
            raise InputError("a plan's counts are at least 1 and its maxima no smaller than its minima")

    @classmethod
    def full(cls) -> Plan:
        """The plan of a table that is kept. It has many short sessions, which differ by more than calls of one do."""
        return cls(layer_sessions=5, network_sessions=10, min_calls=16, min_ms=15.0, reference_calls=15)

    @classmethod
    def quick(cls) -> Plan:
        """The plan of ``deploy``: under a minute for 32 networks of 0.2 to 1 ms and as many layers."""
        return cls(layer_sessions=3, network_sessions=5, min_calls=12, min_ms=10.0, reference_calls=12)

    def sessions(self, item: Item) -> int:
        """The number of fresh sessions of an item."""
        return self.layer_sessions if item.kind == "layer" else self.network_sessions

    def limits(self) -> dict[str, Any]:
        """The limits of a session's samples, as :func:`profilers.measuring.timing.sample` takes them."""
        return {
            "min_calls": self.min_calls,
            "min_ms": self.min_ms,
            "max_calls": self.max_calls,
            "max_ms": self.max_ms,
        }
