"""Crowding: what a network costs beyond the sum of its layers, since their weights share a cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from latency_tables.fields import Fields


@dataclass(frozen=True, slots=True)
class Crowding:
    """The more bytes of weights a network has, the longer each of its layers takes: what one leaves in a cache, the
    others drive out before the next run.

    A network takes ``per_byte`` of what its layers take by themselves more for each byte beyond ``typical_bytes``, and
    less for each byte below. ``weight_bytes`` are each layer's. The default is no crowding.
    """

    per_byte: float = 0.0
    typical_bytes: float = 0.0
    weight_bytes: Mapping[str, int] = field(default_factory=dict)

    def predict_ms(self, layers_ms: Mapping[str, float], keys: Iterable[str]) -> float:
        """What it adds to a network of these layers, which take ``layers_ms`` by themselves."""
        if not self.per_byte:
            return 0.0
        keys = list(keys)
        total = sum(layers_ms[key] for key in keys)
        return self.per_byte * total * (sum(self.weight_bytes[key] for key in keys) - self.typical_bytes)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any, where: str = "crowding") -> Crowding:
        """Read what :meth:`to_dict` wrote; :class:`FormatError` names the field that is wrong."""
        read = Fields(data, where)
        sizes = read.inner("weight_bytes")
        return cls(
            read.number("per_byte", minimum=-float("inf")),
            read.number("typical_bytes"),
            {key: sizes.integer(key) for key in sizes.data},
        )
