"""The decoder: what is encoded is decoded as it was; what is damaged is named, and never an error of another kind."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.decoder import decode, encode
from latency_tables.errors import FormatError, InputError
from latency_tables.field_rule import rule
from latency_tables.json_text import LARGEST_WHOLE
from latency_tables.record import Record
from tests.support.mutations import mutate, values


@dataclass(frozen=True)
class Point(Record):
    x: float = field(metadata=rule(minimum=-math.inf))
    label: str = field(default="", metadata=rule(omit=True))


@dataclass(frozen=True)
class Everything(Record):
    refuse_unknown = True

    count: int = field(metadata=rule(minimum=1, key="number_of_things"))
    share: float = field(metadata=rule(above=0, below=1))
    on: bool
    kind: str = field(metadata=rule(choices=("a", "b")))
    code: str = field(metadata=rule(pattern="[0-9a-f]{4}"))
    maybe: int | None
    samples: tuple[int, ...] = field(metadata=rule(entries=1, advice="measure again"))
    pair: tuple[float, float]
    names: tuple[str, ...]
    points: tuple[Point, ...]
    by_size: dict[int, dict[str, float]]
    anything: dict[str, Any]
    place: Point | None
    late: str = field(default="none", metadata=rule(optional=True))
    source: str = field(default="a test", compare=False, metadata=rule(stored=False))

    def __post_init__(self) -> None:
        if self.maybe == self.count:
            raise InputError("maybe must differ from count")

    def check_fields(self, where: str) -> None:
        if self.on and not self.names:
            raise FormatError(f"{where}, names: must not be empty where on is true")


numbers = st.floats(0, allow_infinity=False)
points = st.builds(Point, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3))
everything = st.builds(
    Everything,
    count=st.integers(1, LARGEST_WHOLE),
    share=st.floats(0.001, 0.999),
    on=st.just(False),
    kind=st.sampled_from("ab"),
    code=st.from_regex(r"\A[0-9a-f]{4}\Z"),
    maybe=st.none() | st.just(0),
    samples=st.lists(st.integers(0, LARGEST_WHOLE), min_size=1).map(tuple),
    pair=st.tuples(numbers, numbers),
    names=st.lists(st.text()).map(tuple),
    points=st.lists(points, max_size=3).map(tuple),
    by_size=st.dictionaries(
        st.integers(0, 10**6), st.dictionaries(st.text(), numbers, max_size=2), max_size=2
    ),
    anything=st.dictionaries(st.text(), st.none() | st.text() | st.lists(st.integers())),
    place=st.none() | points,
    late=st.text(),
)

GOOD = Everything(
    2, 0.5, True, "a", "00ff", None, (1, 2), (0.1, 0.2), ("x",), (Point(-1.0),), {8: {"y": 0.1}}, {"k": [1]}, Point(0.0)
)  # fmt: skip


@given(everything)
def test_what_is_encoded_is_decoded_as_it_was(value: Everything) -> None:
    assert Everything.from_dict(value.to_dict()) == value


@given(mutate(GOOD.to_dict()))
def test_a_damaged_value_is_decoded_or_is_a_format_error_of_one_line(data: Any) -> None:
    try:
        decoded = Everything.from_dict(data, "file")
    except FormatError as error:
        message = str(error)
    else:
        message = "file"
        assert Everything.from_dict(decoded.to_dict()) == decoded
    assert message.startswith("file")
    assert len(message) < 1000


@given(values)
def test_any_value_in_its_place_is_decoded_or_is_a_format_error(data: Any) -> None:
    with pytest.raises(FormatError):
        Everything.from_dict(data)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("number_of_things", 0, "file, number_of_things: must be a whole number of at least 1, not 0"),
        ("number_of_things", True, "file, number_of_things: must be a whole number of at least 1, not True"),
        ("number_of_things", 1.0, "file, number_of_things: must be a whole number of at least 1, not 1.0"),
        ("share", 0, "file, share: must be above 0"),
        ("share", 1, "file, share: must be below 1, not 1"),
        ("share", -1, "file, share: must be at least 0, not -1"),
        ("share", "0.5", "file, share: must be a finite number, not '0.5'"),
        ("share", True, "file, share: must be a finite number, not True"),
        ("share", math.nan, "file, share: must be a finite number, not nan"),
        ("share", 10**400, "file, share: must be a finite number, not 1000"),
        ("on", 1, "file, on: must be true or false, not 1"),
        ("kind", "c", "file, kind: must be one of a, b, not 'c'"),
        ("kind", None, "file, kind: must be a text, not None"),
        ("code", "00ff\n", "file, code: must match [0-9a-f]{4}, and '00ff\\n' does not"),
        ("maybe", "x", "file, maybe: must be a whole number of at least 0, not 'x'"),
        ("samples", [], "file, samples: is empty; measure again"),
        ("samples", [1, None], "file, samples: must hold whole numbers of at least 0, not None"),
        ("samples", [1, True], "file, samples: must hold whole numbers of at least 0, not True"),
        ("samples", "12", "file, samples: must be a list, not str"),
        ("pair", [1.0], "file, pair: must hold 2 entries, not 1"),
        ("pair", [1.0, None], "file, pair[1]: must be a finite number, not None"),
        ("names", ["x", 2], "file, names[1]: must be a text, not 2"),
        (
            "points",
            [{}],
            "file, points[0], x: is missing; the file may be of another release, or changed by hand",
        ),
        ("points", [{"x": 0, "label": 1}], "file, points[0], label: must be a text, not 1"),
        ("by_size", {"8px": {}}, "file, by_size, 8px: must be a whole number"),
        ("by_size", {"8": {"y": -1}}, "file, by_size, 8, y: must be at least 0, not -1"),
        ("anything", [], "file, anything: must be an object with named fields, not list"),
        ("place", 3, "file, place: must be an object with named fields, not int"),
        ("more", 3, "file, more: is not a field of this format; remove it"),
        ("maybe", 2, "file: maybe must differ from count"),
        ("names", [], "file, names: must not be empty where on is true"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong(key: str, value: Any, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Everything.from_dict({**GOOD.to_dict(), key: value}, "file")
    assert str(caught.value).startswith(message)


def test_a_missing_field_is_an_error_unless_the_rule_says_that_it_may_be_missing() -> None:
    data = GOOD.to_dict()
    for key in data:
        rest = {name: value for name, value in data.items() if name != key}
        if key == "late":
            assert Everything.from_dict(rest) == GOOD
        else:
            with pytest.raises(FormatError, match=f"everything, {key}: is missing"):
                Everything.from_dict(rest)


def test_a_field_is_left_out_only_where_the_rule_says_so() -> None:
    assert encode(Point(1.0)) == {"x": 1.0}
    assert encode(Point(1.0, "p")) == {"x": 1.0, "label": "p"}
    assert "late" in encode(GOOD)
    assert "source" not in encode(GOOD)


def test_unknown_fields_are_ignored_by_a_dataclass_that_does_not_refuse_them() -> None:
    assert decode(Point, {"x": 1, "later_release": 2}, "file") == Point(1.0)


def test_a_huge_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(FormatError) as caught:
        Everything.from_dict({**GOOD.to_dict(), "kind": "x" * 10**6})
    assert len(str(caught.value)) < 1000


def test_a_key_that_would_break_the_line_or_steer_a_terminal_is_escaped() -> None:
    with pytest.raises(FormatError) as caught:
        Everything.from_dict({**GOOD.to_dict(), "by_size": {"8": {"\n\x1b[2J" + "y" * 10**6: -1}}})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@dataclass(frozen=True)
class Unknown(Record):
    size: complex


def test_a_type_hint_that_the_decoder_does_not_know_is_a_bug_and_says_which() -> None:
    with pytest.raises(TypeError, match="complex"):
        Unknown.from_dict({"size": 1})
