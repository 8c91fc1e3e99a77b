"""Decoder: reads JSON values into dataclasses by their type hints, and writes them back.

Type hints are read as text, since Python 3.8 cannot evaluate ``int | None``. A decoded dataclass is defined at
the top level of its module. The module begins with ``from __future__ import annotations``.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from latency_tables.errors import FormatError, InputError
from latency_tables.field_rule import FieldRule, find_rule
from latency_tables.value_readers import (
    Reader,
    check_object,
    make_any_number_reader,
    make_list_reader,
    make_map_reader,
    make_number_list_reader,
    make_number_map_reader,
    make_number_reader,
    make_optional_reader,
    make_text_reader,
    make_whole_key_reader,
    make_whole_list_reader,
    make_whole_reader,
    read_flag,
    show_key,
)

T = TypeVar("T")

LISTS = ("list", "tuple", "Sequence", "List", "Tuple")
MAPS = ("dict", "Mapping", "Dict")


@dataclass(frozen=True)
class _StoredField:
    """A field of a dataclass, with its name in the file and its reader."""

    name: str
    key: str
    rule: FieldRule
    read: Reader
    default: Any


def decode(kind: type[T], data: Any, where: str) -> T:
    """A dataclass from the JSON value that :func:`encode` made of it.

    Args:
        kind: The dataclass. Where it has a method ``check_fields(where)``, that is called with the new value.
        data: The JSON value.
        where: The value's name in errors, as in ``table.json, device_spec``.

    Raises:
        FormatError: A field is missing or wrong, or is unknown to a dataclass with ``refuse_unknown = True``.
    """
    data = check_object(data, where)
    stored = _find_stored(kind)
    values = {}
    for field in stored:
        if field.key in data:
            values[field.name] = field.read(data[field.key], f"{where}, {field.key}")
        elif not (field.rule.optional or field.rule.omit):
            raise FormatError(
                f"{where}, {field.key}: is missing; the file may be of another release, or changed by hand"
            )
    if getattr(kind, "refuse_unknown", False):
        unknown = next(iter(data.keys() - {field.key for field in stored}), None)
        if unknown is not None:
            raise FormatError(f"{where}, {show_key(unknown)}: is not a field of this format; remove it")
    try:
        value = kind(**values)
    except FormatError:
        raise
    except InputError as error:
        raise FormatError(f"{where}: {error}") from None
    check = getattr(value, "check_fields", None)
    if check is not None:
        check(where)
    return value


def encode(value: Any) -> dict[str, Any]:
    """The JSON object of a dataclass; read back by :func:`decode`."""
    held = ((field, getattr(value, field.name)) for field in _find_stored(type(value)))
    return {
        field.key: _encode_entry(entry)
        for field, entry in held
        if not (field.rule.omit and entry == field.default)
    }


def _encode_entry(value: Any) -> Any:
    if is_dataclass(value):
        write = getattr(value, "to_dict", None)
        return encode(value) if write is None else write()
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else str(key): _encode_entry(entry) for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_encode_entry(entry) for entry in value]
    return value


def _find_stored(kind: Any) -> tuple[_StoredField, ...]:
    return _list_fields(kind)


@lru_cache(maxsize=None)
def _list_fields(kind: Any) -> tuple[_StoredField, ...]:
    stored = []
    for field in fields(kind):
        rule = find_rule(field)
        if not rule.stored:
            continue
        owner = next(base for base in kind.__mro__ if field.name in vars(base).get("__annotations__", {}))
        names = {**vars(builtins), **vars(sys.modules[owner.__module__])}
        reader = _make_reader(ast.parse(str(field.type), mode="eval").body, names, rule)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        stored.append(_StoredField(field.name, rule.key or field.name, rule, reader, default))
    return tuple(stored)


def _make_reader(hint: ast.expr, names: Mapping[str, Any], rule: FieldRule) -> Reader:
    """The reader of a type hint, whose names are those of the module that states it."""
    if isinstance(hint, ast.BinOp):
        alternatives = [side for side in (hint.left, hint.right) if not _is_none(side)]
        if len(alternatives) == 2 and _is_named(hint.left, "int") and _is_named(hint.right, "float"):
            return make_any_number_reader(rule)
        if len(alternatives) == 1:
            return make_optional_reader(_make_reader(alternatives[0], names, rule))
    if isinstance(hint, ast.Subscript) and isinstance(hint.value, ast.Name):
        return _make_container_reader(hint.value.id, _list_arguments(hint), names, rule)
    if isinstance(hint, ast.Name):
        return _make_plain_reader(names[hint.id], rule)
    raise TypeError(f"the decoder does not know the type hint {ast.dump(hint)}")


def _make_container_reader(
    name: str, arguments: list[ast.expr], names: Mapping[str, Any], rule: FieldRule
) -> Reader:
    first, last = arguments[0], arguments[-1]
    if name == "Optional":
        return make_optional_reader(_make_reader(first, names, rule))
    if name in MAPS and _is_named(first, "str") and _is_named(last, "float"):
        return make_number_map_reader(rule)
    if name in MAPS:
        key = make_whole_key_reader(rule) if _is_named(first, "int") else (lambda value, where: str(value))
        return make_map_reader(key, _make_reader(last, names, rule))
    if name in LISTS:
        fixed = None if len(arguments) == 1 or _is_ellipsis(last) else len(arguments)
        if fixed is None and _is_named(first, "int"):
            return make_whole_list_reader(rule)
        if fixed is None and _is_named(first, "float") and name not in ("list", "List") and not rule.entries:
            return make_number_list_reader(rule)
        read = make_list_reader(_make_reader(first, names, rule), rule, fixed)
        return (lambda value, where: list(read(value, where))) if name in ("list", "List") else read
    raise TypeError(f"the decoder does not know the type hint {name}")


def _make_plain_reader(kind: Any, rule: FieldRule) -> Reader:
    if kind is Any:
        return lambda value, where: value
    if isinstance(kind, type) and is_dataclass(kind):
        # A record may read itself in a way of its own.
        read = getattr(kind, "from_dict", None) or partial(decode, kind)
        return lambda value, where: read(value, where)
    if kind is bool:
        return read_flag
    readers = {str: make_text_reader, int: make_whole_reader, float: make_number_reader}
    if kind not in readers:
        raise TypeError(f"the decoder does not know the type {kind!r}")
    return readers[kind](rule)


def _list_arguments(hint: ast.Subscript) -> list[ast.expr]:
    inner: Any = hint.slice
    # Python 3.8 wraps it.
    inner = getattr(inner, "value", inner) if type(inner).__name__ == "Index" else inner
    return list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]


def _is_named(hint: ast.expr, name: str) -> bool:
    return isinstance(hint, ast.Name) and hint.id == name


def _is_none(hint: ast.expr) -> bool:
    return isinstance(hint, ast.Constant) and hint.value is None


def _is_ellipsis(hint: ast.expr) -> bool:
    return isinstance(hint, ast.Constant) and hint.value is Ellipsis
