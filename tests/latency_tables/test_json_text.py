"""JSON text from anywhere: each fault is one line, and no small text costs much."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError
from latency_tables.json_text import DEEPEST, LARGEST_WHOLE, parse_json, parse_values, refuse_malformed

MOST_SECONDS = 5.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "file: a is there twice"),
        ('{"rows": [{"x": 1, "x": 1}]}', "file: x is there twice"),
        ('{"a": 9223372036854775808}', "file, a: must be a finite number of at most 64 bits"),
        ('{"a": [1, -' + "9" * 400 + "]}", "file, a[1]: must be a finite number of at most 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "file: not the JSON it should be"),
        ('{"a": 1e999}', "file, a: not a finite number"),
        ('{"a": NaN}', "file: not the JSON it should be (NaN is not a number)"),
        ('{"a": "\\ud800"}', "file, a: holds half a character"),
        ('{"\\udfff": 1}', "file: holds half a character"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), f"file: nests more than {DEEPEST} lists"),
        ("[" * 100_000, "file: not the JSON it should be"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "file: "),
        ("[" + "0," * 4_000_001 + "0]", "file: holds more than 4,000,000 values"),
        ("", "file: not the JSON it should be"),
        ("{} {}", "file: not the JSON it should be"),
    ],
)
def test_a_text_that_no_reader_of_ours_could_hold_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_values(text, "file")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_one_key_that_is_twice_among_many_is_found_at_once() -> None:
    keys = [f"k{i}" for i in range(200_000)]
    text = "{" + ",".join(f'"{key}": 1' for key in [*keys, "k199999"]) + "}"
    start = time.process_time()
    with pytest.raises(FormatError, match="k199999 is there twice"):
        parse_values(text, "file")
    assert time.process_time() - start < MOST_SECONDS


def test_a_million_numbers_are_read_at_once() -> None:
    text = json.dumps({"samples": [0.5] * 500_000, "costs": {str(i): i for i in range(500_000)}})
    start = time.process_time()
    assert len(parse_values(text, "file")["samples"]) == 500_000
    assert time.process_time() - start < MOST_SECONDS


def test_the_largest_whole_numbers_and_the_deepest_nesting_are_read() -> None:
    assert parse_values(f"[{LARGEST_WHOLE}, -{LARGEST_WHOLE}]", "file") == [LARGEST_WHOLE, -LARGEST_WHOLE]
    assert parse_values("[" * DEEPEST + "]" * DEEPEST, "file")


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_value_or_a_format_error(text: str) -> None:
    try:
        parse_values(text, "file")
        message = "file"
    except FormatError as error:
        message = str(error)
    assert message.startswith("file")


@pytest.mark.parametrize("version", [True, 1.0, "1", None, [1]])
def test_a_version_that_only_resembles_ours_is_refused(version: object) -> None:
    with pytest.raises(FormatError, match="this release reads version 1"):
        parse_json(json.dumps({"format": "ours", "version": version}), "file", "ours", 1)


@pytest.mark.parametrize(
    "error",
    [OverflowError("too large"), KeyError("x"), RecursionError(), UnicodeError("bad\nline"), TypeError("no")],
)
def test_what_a_reader_of_foreign_bytes_raises_becomes_one_line(error: Exception) -> None:
    with pytest.raises(FormatError) as caught, refuse_malformed("file", "YAML"):
        raise error
    assert str(caught.value).startswith("file: not the YAML it should be")
    assert "\n" not in str(caught.value)


def test_a_bug_of_ours_is_not_taken_for_a_malformed_file() -> None:
    with pytest.raises(AssertionError), refuse_malformed("file"):
        raise AssertionError
    with pytest.raises(FormatError, match=r"^ours$"), refuse_malformed("file"):
        raise FormatError("ours")
