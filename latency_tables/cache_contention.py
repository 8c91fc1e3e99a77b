"""Cache contention: a network's cost beyond the sum of its layers, since the layers' weights share a cache."""

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
class CacheContention(Record):
    """The more bytes of weights a network has, the longer each of its layers takes.

    The layers share a cache: each one evicts weights of the others, which are then read anew in the next run. A network
    takes ``per_byte`` of its layers' isolated latency more for each byte beyond ``typical_bytes``, and as much less for
    each byte below. The default adds nothing.

    Attributes:
        per_byte: The relative slowdown for each byte.
        typical_bytes: The bytes of weights of a typical network.
        weight_bytes: The bytes of weights of each layer, by its key.
    """

    per_byte: float = field(default=0.0, metadata=rule(minimum=-math.inf))
    typical_bytes: float = 0.0
    weight_bytes: Mapping[str, int] = field(default_factory=dict)

    def predict_ms(self, layers_ms: Mapping[str, float], keys: Iterable[str]) -> float:
        """The added latency of a network in ms.

        Args:
            layers_ms: The isolated latency of each layer in ms, by its key.
            keys: The keys of the network's layers.
        """
        if not self.per_byte:
            return 0.0
        keys = list(keys)
        return self.add_ms(
            sum(layers_ms[key] for key in keys), float(sum(self.weight_bytes[key] for key in keys))
        )

    def add_ms(self, layers_ms: Quantity, weight_bytes: Quantity) -> Quantity:
        """The added latency in ms.

        Args:
            layers_ms: The sum of the layers' isolated latencies in ms; a number or an array of any shape.
            weight_bytes: The sum of the layers' bytes of weights, of the same shape.
        """
        return self.per_byte * layers_ms * (weight_bytes - self.typical_bytes)
