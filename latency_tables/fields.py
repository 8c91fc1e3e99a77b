"""Typed reading of JSON content: each reader says which field of which file is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latency_tables.errors import FormatError
from latency_tables.field_rule import FieldRule
from latency_tables.value_readers import check_number


class Fields:
    """The fields of one JSON object. ``where`` names it in errors, as in ``table.json, device_spec``.

    >>> Fields({"threads": 2}, "spec").integer("threads", minimum=1)
    2
    """

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise FormatError(f"{where}: must be an object with named fields, not {type(data).__name__}")
        self.data, self.where = data, where

    def value(self, name: str) -> Any:
        """The field as it is; :class:`FormatError` where it is missing."""
        if name not in self.data:
            raise self.wrong(name, "is missing; the file may be of another release, or changed by hand")
        return self.data[name]

    def text(self, name: str) -> str:
        """A string."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self.wrong(name, f"must be a text, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self.wrong(name, f"must be true or false, not {value!r}")
        return value

    def integer(self, name: str, minimum: int = 0) -> int:
        """A whole number, at least ``minimum``."""
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self.wrong(name, f"must be a whole number of at least {minimum}, not {value!r}")
        return value

    def number(self, name: str, minimum: float = 0.0) -> float:
        """A finite number, at least ``minimum``."""
        return check_number(self.value(name), f"{self.where}, {name}", FieldRule(minimum=minimum))

    def items(self, name: str) -> list[Any]:
        """A list of anything."""
        value = self.value(name)
        if not isinstance(value, (list, tuple)):
            raise self.wrong(name, f"must be a list, not {type(value).__name__}")
        return list(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        values = self.items(name)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name, "must be a list of texts")
        return tuple(values)

    def numbers(self, name: str, minimum: float = 0.0) -> tuple[float, ...]:
        """A list of finite numbers, each at least ``minimum``."""
        where = f"{self.where}, {name}"
        return tuple(
            check_number(v, f"{where}[{i}]", FieldRule(minimum=minimum))
            for i, v in enumerate(self.items(name))
        )

    def integers(self, name: str, minimum: int = 0) -> tuple[int, ...]:
        """A list of whole numbers, each at least ``minimum``."""
        values = self.items(name)
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise self.wrong(name, f"must hold whole numbers of at least {minimum}, not {value!r}")
        return tuple(values)

    def number_map(self, name: str, minimum: float = 0.0) -> dict[str, float]:
        """An object whose values are finite numbers, each at least ``minimum``."""
        inner = Fields(self.value(name), f"{self.where}, {name}")
        return {str(key): inner.number(key, minimum) for key in inner.data}

    def inner(self, name: str) -> Fields:
        """The fields of an object within this one."""
        return Fields(self.value(name), f"{self.where}, {name}")

    def wrong(self, name: str, what: str) -> FormatError:
        """The error for a field, to be raised."""
        return FormatError(f"{self.where}, {name}: {what}")
