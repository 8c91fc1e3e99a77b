"""Crowding: what a network costs beyond the sum of its layers, since their weights share a cache."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from latency_tables.field_rule import rule
from latency_tables.record import Record


@dataclass(frozen=True)
class Crowding(Record):
    """The more bytes of weights a network has, the longer each of its layers takes: what one leaves in a cache, the
    others drive out before the next run.

    A network takes ``per_byte`` of what its layers take by themselves more for each byte beyond ``typical_bytes``, and
    less for each byte below. ``weight_bytes`` are each layer's. The default is no crowding.
    """

    per_byte: float = field(default=0.0, metadata=rule(minimum=-math.inf))
    typical_bytes: float = 0.0
    weight_bytes: Mapping[str, int] = field(default_factory=dict)

    def predict_ms(self, layers_ms: Mapping[str, float], keys: Iterable[str]) -> float:
        """What it adds to a network of these layers, which take ``layers_ms`` by themselves."""
        if not self.per_byte:
            return 0.0
        keys = list(keys)
        total = sum(layers_ms[key] for key in keys)
        return self.per_byte * total * (sum(self.weight_bytes[key] for key in keys) - self.typical_bytes)
