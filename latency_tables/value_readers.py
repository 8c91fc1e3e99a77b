"""Value readers: check one JSON value each, and say which field of which file is wrong.

Every reader takes a value and ``where``, which names the field in errors, as in ``table.json, spec, threads``.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Collection, Mapping
from typing import Any, Callable

from latency_tables.errors import FormatError
from latency_tables.field_rule import FieldRule

Reader = Callable[[Any, str], Any]

LONGEST_SHOWN = 200
"""The most characters of a wrong value that a message repeats."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = LONGEST_SHOWN
_SHORT.maxlist = _SHORT.maxdict = 10


def show_value(value: Any) -> str:
    """The value's ``repr``, cut to a length that fits one line."""
    return _SHORT.repr(value)[: 2 * LONGEST_SHOWN]


def show_key(key: Any) -> str:
    """An object's key as messages name it: cut, and escaped where it would break the line or steer a terminal."""
    text = str(key)[:LONGEST_SHOWN]
    return text if text.isprintable() else repr(text)[:LONGEST_SHOWN]


def check_object(value: Any, where: str) -> Mapping[str, Any]:
    """The value as a JSON object.

    Raises:
        FormatError: The value is no object.
    """
    if not isinstance(value, Mapping):
        raise FormatError(f"{where}: must be an object with named fields, not {type(value).__name__}")
    return value


def check_number(value: Any, where: str, rule: FieldRule = FieldRule()) -> float:  # noqa: B008
    """The value as a float.

    Args:
        value: A JSON value.
        where: The field's name in errors.
        rule: The bounds.

    Raises:
        FormatError: The value is no finite number, or is out of bounds.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not _is_finite(value):
        raise FormatError(f"{where}: must be a finite number, not {show_value(value)}")
    if value < rule.minimum:
        raise FormatError(f"{where}: must be at least {rule.minimum:g}, not {show_value(value)}")
    if rule.above is not None and value <= rule.above:
        raise FormatError(f"{where}: " + rule.advise(f"must be above {rule.above:g}"))
    if rule.below is not None and value >= rule.below:
        raise FormatError(f"{where}: must be below {rule.below:g}, not {show_value(value)}")
    return float(value)


def make_number_reader(rule: FieldRule) -> Reader:
    """A reader of finite numbers."""
    return lambda value, where: check_number(value, where, rule)


def make_any_number_reader(rule: FieldRule) -> Reader:
    """A reader of finite numbers that leaves whole numbers whole."""

    def read(value: Any, where: str) -> float:
        checked = check_number(value, where, rule)
        return value if isinstance(value, int) else checked

    return read


def make_whole_reader(rule: FieldRule) -> Reader:
    """A reader of whole numbers."""

    def read(value: Any, where: str) -> int:
        if not _is_whole(value, rule):
            raise FormatError(
                f"{where}: must be a whole number of at least {rule.minimum:g}, not {show_value(value)}"
            )
        return int(value)

    return read


def make_text_reader(rule: FieldRule) -> Reader:
    """A reader of texts."""

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise FormatError(f"{where}: must be a text, not {show_value(value)}")
        if rule.choices and value not in rule.choices:
            raise FormatError(f"{where}: must be one of {', '.join(rule.choices)}, not {show_value(value)}")
        if rule.pattern and not re.fullmatch(rule.pattern, value):
            raise FormatError(
                f"{where}: " + rule.advise(f"must match {rule.pattern}, and {show_value(value)} does not")
            )
        return value

    return read


def read_flag(value: Any, where: str) -> bool:
    """A reader of true and false."""
    if not isinstance(value, bool):
        raise FormatError(f"{where}: must be true or false, not {show_value(value)}")
    return value


def make_list_reader(entry: Reader, rule: FieldRule, length: int | None = None) -> Reader:
    """A reader of lists, as tuples.

    Args:
        entry: The reader of each entry.
        rule: The rule of the field, for the least number of entries.
        length: The exact number of entries; ``None`` for any.
    """

    def read(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise FormatError(f"{where}: must be a list, not {type(value).__name__}")
        if length is not None and len(value) != length:
            raise FormatError(f"{where}: must hold {length} entries, not {len(value)}")
        if len(value) < rule.entries:
            least = (
                "is empty" if not value else f"must hold at least {rule.entries} entries, not {len(value)}"
            )
            raise FormatError(f"{where}: " + rule.advise(least))
        return tuple([entry(v, f"{where}[{i}]") for i, v in enumerate(value)])

    return read


def make_whole_list_reader(rule: FieldRule) -> Reader:
    """A reader of lists of whole numbers, as tuples; quick for the samples of a measurement."""

    def read(value: Any, where: str) -> tuple[int, ...]:
        wrong = next((v for v in value if not _is_whole(v, rule)), None)
        if wrong is not None or None in value:
            raise FormatError(
                f"{where}: must hold whole numbers of at least {rule.minimum:g}, not {show_value(wrong)}"
            )
        return tuple(value)

    check = make_list_reader(lambda value, where: value, rule)
    return lambda value, where: read(check(value, where), where)


def make_number_list_reader(rule: FieldRule) -> Reader:
    """A reader of lists of finite numbers, as tuples of floats."""
    read_each = make_list_reader(make_number_reader(rule), rule)

    def read(value: Any, where: str) -> tuple[float, ...]:
        quick = _read_numbers(value, rule) if isinstance(value, (list, tuple)) else None
        return tuple(quick) if quick else read_each(value, where)

    return read


def make_number_map_reader(rule: FieldRule) -> Reader:
    """A reader of objects whose values are finite numbers, as floats."""
    read_each = make_map_reader(lambda value, where: str(value), make_number_reader(rule))

    def read(value: Any, where: str) -> dict[str, float]:
        quick = _read_numbers(value.values(), rule) if isinstance(value, dict) else None
        return dict(zip(value, quick)) if quick else read_each(value, where)

    return read


def make_map_reader(key: Reader, entry: Reader) -> Reader:
    """A reader of objects whose values are all of one kind."""

    def read(value: Any, where: str) -> dict[Any, Any]:
        found = check_object(value, where)
        places = ((k, v, f"{where}, {show_key(k)}") for k, v in found.items())
        return {key(k, place): entry(v, place) for k, v, place in places}

    return read


def make_whole_key_reader(rule: FieldRule) -> Reader:
    """A reader of an object's keys that are whole numbers."""

    def read(value: Any, where: str) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise FormatError(f"{where}: must be {rule.keys}")
        return int(text)

    return read


def make_optional_reader(reader: Reader) -> Reader:
    """A reader that also takes ``null``."""
    return lambda value, where: None if value is None else reader(value, where)


def _read_numbers(values: Collection[Any], rule: FieldRule) -> list[float] | None:
    """Many numbers at once, without a name for each; ``None`` where one of them may be wrong."""
    if not set(map(type, values)) <= {int, float} or rule.above is not None or rule.below is not None:
        return None
    try:
        floats = list(map(float, values))
    except OverflowError:
        return None
    right = all(map(math.isfinite, floats)) and min(floats, default=rule.minimum) >= rule.minimum
    return floats if right else None


def _is_whole(value: Any, rule: FieldRule) -> bool:
    if not isinstance(value, int) or isinstance(value, bool) or value < rule.minimum:
        return False
    return rule.above is None or value > rule.above


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
