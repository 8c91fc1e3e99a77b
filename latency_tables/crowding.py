"""Crowding: what a network costs beyond the sum of its layers, since their weights share a cache."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from latency_tables.field_rule import rule
from latency_tables.record import Record

Quantity = TypeVar("Quantity", float, "np.ndarray[Any, np.dtype[np.float64]]")


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
        return self.add_ms(
            sum(layers_ms[key] for key in keys), float(sum(self.weight_bytes[key] for key in keys))
        )

    def add_ms(self, layers_ms: Quantity, weight_bytes: Quantity) -> Quantity:
        """Return the added latency in ms of a network.

        Args:
            layers_ms: The sum of the times in ms that its layers take by themselves; a number or an array of any shape.
            weight_bytes: The sum of its layers' bytes of weights, of the same shape.
        """
        return self.per_byte * layers_ms * (weight_bytes - self.typical_bytes)
