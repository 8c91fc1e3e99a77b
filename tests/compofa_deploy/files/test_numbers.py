"""Numbers come back as they were written, and texts that only look like numbers are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.files.numbers import read_number, read_whole
from latency_tables.errors import FormatError


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back(value):
    assert read_number(repr(value), "it", "of apples") == value


@given(st.integers(1, 10**18 - 1))
def test_a_whole_number_comes_back(value):
    assert read_whole(str(value), "it", "a number of apples") == value


LOOK_ALIKES = ["", " 7", "7_1", "\uff17", "\u0667", "many", "0x7", "1,5"]


@pytest.mark.parametrize("text", [*LOOK_ALIKES, "nan", "inf", "-Infinity", "1e999", ".", "1e"])
def test_a_text_that_is_no_finite_number_is_named(text):
    with pytest.raises(FormatError, match=r"^it: must be a finite number of apples, not '") as caught:
        read_number(text, "it", "of apples")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", [*LOOK_ALIKES, "0", "-1", "2.9", "1e3", "9" * 19])
def test_a_text_that_is_no_whole_number_from_one_on_is_named(text):
    with pytest.raises(FormatError, match=r"^it: must be a number of apples, not '"):
        read_whole(text, "it", "a number of apples")
