"""Value readers: many numbers are read as one by one, and a wrong one is named either way."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError
from latency_tables.field_rule import FieldRule
from latency_tables.value_readers import (
    check_number,
    make_number_list_reader,
    make_number_map_reader,
    show_key,
    show_value,
)

RULE = FieldRule(minimum=-1.0)
numbers = st.floats() | st.integers() | st.booleans() | st.none() | st.text(max_size=2)


def read_one_by_one(values: list[object]) -> tuple[float, ...] | str:
    try:
        return tuple(check_number(value, f"file[{i}]", RULE) for i, value in enumerate(values))
    except FormatError as error:
        return str(error)


@given(st.lists(numbers))
def test_a_list_is_read_as_its_numbers_one_by_one(values: list[object]) -> None:
    try:
        found: tuple[float, ...] | str = make_number_list_reader(RULE)(values, "file")
    except FormatError as error:
        found = str(error)
    assert found == read_one_by_one(values)


@given(st.dictionaries(st.text(), st.floats(-1, allow_infinity=False)))
def test_an_object_of_numbers_comes_back_as_it_was(values: dict[str, float]) -> None:
    assert make_number_map_reader(RULE)(values, "file") == values


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.5, True, None, "1", 10**400])
def test_one_wrong_number_of_an_object_is_named(wrong: object) -> None:
    with pytest.raises(FormatError, match=r"^file, b: must be"):
        make_number_map_reader(RULE)({"a": 1.0, "b": wrong}, "file")


@given(st.text(), st.recursive(numbers, st.lists, max_leaves=30))
def test_what_a_message_shows_is_short_and_of_one_line(key: str, value: object) -> None:
    assert show_key(key).isprintable()
    for shown in (show_key(key * 1000), show_value(value), show_value([value] * 1000)):
        assert len(shown) <= 1000
        assert "\n" not in shown
