"""JSON text: parsed under limits on the time and memory that a small file may cost."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from latency_tables.errors import FormatError
from latency_tables.value_readers import show_key, show_value

LARGEST_TEXT = 64 << 20
"""The most characters of a text. A measured kit with every sample has a tenth of that."""
MOST_VALUES = 4_000_000
"""The most values of a text: numbers, texts, lists and objects. A value takes up to 100 bytes of memory."""
DEEPEST = 50
"""The most lists and objects within each other. Our own files have at most 8."""
LARGEST_WHOLE = 2**63 - 1
"""The largest whole number: 64 bits with a sign, as in numpy."""


@contextmanager
def refuse_malformed(where: str, kind: str = "JSON") -> Iterator[None]:
    """Turn every error that a reader of foreign bytes may raise into an error of one line.

    Args:
        where: The name of the text or file in errors.
        kind: The format that it should have.

    Raises:
        FormatError: The block raised an error that is not ours.
    """
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise FormatError(f"{where}: not the {kind} it should be ({reason}); it may be cut off") from None


def parse_values(text: str, where: str, *, strict: bool = True) -> Any:
    """The value of a JSON text from anywhere.

    Args:
        text: JSON.
        where: The text's name in errors.
        strict: Whether NaN and infinity are refused here. Otherwise the reader of the value refuses them, and
            names the field.

    Raises:
        FormatError: The text is no JSON, has a key twice, or exceeds a limit of this module.
    """
    check_limits(text, where)

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            raise FormatError(f"{where}: {show_key(_find_twice(pairs))} is there twice")
        return built

    options: dict[str, Any] = {"parse_constant": _refuse_constant} if strict else {}
    with refuse_malformed(where):
        data = json.loads(text, object_pairs_hook=build, **options)
    _check_tree(data, where, strict)
    return data


def parse_json(text: str, where: str, kind: str, version: int) -> dict[str, Any]:
    """The content of a versioned JSON text.

    Args:
        text: JSON.
        where: The text's name in errors.
        kind: The format that it must state.
        version: The version that it must state.

    Raises:
        FormatError: The text is no JSON, or is of another format or version.
    """
    data = parse_values(text, where)
    if not isinstance(data, dict) or data.get("format") != kind:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise FormatError(f"{where}: is {show_value(found)}, not a {kind}")
    found = data.get("version")
    if found != version or type(found) is not int:
        raise FormatError(
            f"{where}: is version {show_value(found)} of {kind}; this release reads version {version}"
        )
    return data


def check_limits(text: str, where: str) -> None:
    """Refuse a text that would cost more than a file of ours ever does.

    Args:
        text: JSON, YAML or the like.
        where: The text's name in errors.

    Raises:
        FormatError: The text is too long, or holds too many values.
    """
    if len(text) > LARGEST_TEXT:
        raise FormatError(f"{where}: is larger than {LARGEST_TEXT >> 20} MiB; no file of this kind is")
    values = text.count(",") + text.count("[") + text.count("{")
    if values > MOST_VALUES:
        raise FormatError(f"{where}: holds more than {MOST_VALUES:,} values; no file of this kind does")


def _find_twice(pairs: list[tuple[str, Any]]) -> str:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is there twice")


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _check_tree(data: Any, where: str, strict: bool) -> None:
    """Refuse nesting, numbers and texts that later code could not hold; with a stack, since recursion has an end."""
    stack: list[tuple[Any, str, int]] = [(data, where, 0)]
    while stack:
        value, place, depth = stack.pop()
        if depth > DEEPEST:
            raise FormatError(
                f"{where}: nests more than {DEEPEST} lists and objects; no file of this kind does"
            )
        if isinstance(value, dict):
            _check_texts(value, place)
            stack += [
                (entry, f"{place}, {show_key(key)}", depth + 1) for key, entry in _list_checked(value.items())
            ]
        elif isinstance(value, list):
            stack += [(entry, f"{place}[{i}]", depth + 1) for i, entry in _list_checked(enumerate(value))]
        else:
            _check_scalar(value, place, strict)


def _list_checked(entries: Any) -> Iterator[tuple[Any, Any]]:
    """The entries that need a check: plain whole numbers and texts of ASCII need none."""
    for key, value in entries:
        kind = type(value)
        if kind is int and -LARGEST_WHOLE <= value <= LARGEST_WHOLE:
            continue
        if (kind is float and math.isfinite(value)) or (kind is str and value.isascii()):
            continue
        yield key, value


def _check_scalar(value: Any, where: str, strict: bool) -> None:
    if isinstance(value, float) and strict and not math.isfinite(value):
        raise FormatError(f"{where}: not a finite number")
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        raise FormatError(f"{where}: must be a finite number of at most 64 bits")
    if isinstance(value, str):
        _check_texts([value], where)


def _check_texts(texts: Any, where: str) -> None:
    """Refuse halves of surrogate pairs, which no text file can hold."""
    for text in texts:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise FormatError(f"{where}: holds half a character; write the text anew") from None
