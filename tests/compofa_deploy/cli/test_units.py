"""Times and sizes have units; anything else is refused with an example of how to write it."""

import re

import click
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compofa_deploy.cli.units import Count, Duration, Latency, Percent, Resolutions, Size


def convert(kind, text):
    return kind().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("20ms", 20),
        ("850us", 0.85),
        ("850\N{MICRO SIGN}s", 0.85),
        ("850\N{GREEK SMALL LETTER MU}s", 0.85),
        ("1s", 1000),
        ("1.5 ms", 1.5),
        (".5ms", 0.5),
        ("1e-3s", 1),
    ],
)
def test_a_time_is_in_ms(text, ms):
    assert convert(Duration, text) == pytest.approx(ms)


@pytest.mark.parametrize(
    ("text", "size"), [("10MB", 10**7), ("1kB", 1000), ("2KiB", 2048), ("1.5MiB", 1572864), ("7B", 7)]
)
def test_a_size_is_in_bytes(text, size):
    assert convert(Size, text) == size


@pytest.mark.parametrize(
    ("text", "count"), [("30M", 30 * 10**6), ("1500", 1500), ("2.5k", 2500), ("1G", 10**9)]
)
def test_a_count_may_go_without_a_unit(text, count):
    assert convert(Count, text) == count


@pytest.mark.parametrize(
    "text", ["20", "20MB", "20 m s", "ms", "", "20MS", "twenty ms", "20ms!", "nanms", "infms"]
)
def test_a_wrong_unit_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="is not a time; write it as in 20ms or 850us"):
        convert(Duration, text)


@pytest.mark.parametrize("text", ["10", "10ms", "10mb", "1e3"])
def test_a_wrong_size_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="is not a size; write it as in 10MB"):
        convert(Size, text)


@pytest.mark.parametrize("text", ["0ms", "-1ms", "0.0us", "1e999s", "1e-999s"])
def test_what_is_not_above_0_or_not_finite_is_refused(text):
    with pytest.raises(click.BadParameter, match="must be above 0"):
        convert(Duration, text)


@given(st.floats(1e-6, 1e6), st.sampled_from(["us", "ms", "s"]))
def test_any_time_is_read_back(value, unit):
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    assert convert(Duration, f"{value!r}{unit}") == pytest.approx(value * scale)


@given(
    st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,2}(e[+-]?[0-9]{1,3})? ?", fullmatch=True),
    st.sampled_from(["us", "ms", "s", "h", ""]),
)
def test_a_text_like_a_time_is_read_exactly_or_refused_by_name(number, unit):
    expected = multiply(number, {"us": 1e-3, "ms": 1.0, "s": 1e3}.get(unit))
    if expected is not None and 0 < expected < float("inf"):
        assert convert(Duration, number + unit) == pytest.approx(expected)
        return
    with pytest.raises(click.BadParameter) as refused:
        convert(Duration, number + unit)
    assert repr(number + unit) in refused.value.message


def multiply(number, scale):
    """The product, or None where the text is no number or the unit is unknown."""
    try:
        return None if scale is None else float(number) * scale
    except ValueError:
        return None


@given(st.text(max_size=12))
def test_another_text_is_refused_by_name(text):
    assume(not re.search("[0-9]", text))
    with pytest.raises(click.BadParameter) as refused:
        convert(Duration, text)
    assert repr(text) in refused.value.message


@pytest.mark.parametrize(("text", "chosen"), [("32", (32,)), ("32,24,28", (24, 28, 32)), ("24,24", (24,))])
def test_resolutions_are_ascending_and_do_not_repeat(text, chosen):
    assert convert(Resolutions, text) == chosen


@pytest.mark.parametrize("text", ["", "a", "24;32", "24,", "24.5", "0,24", "-4"])
def test_resolutions_that_are_none_are_refused(text):
    with pytest.raises(click.BadParameter, match="resolution"):
        convert(Resolutions, text)


def test_defaults_are_passed_on_as_they_are():
    assert convert(Duration, 2.0) == 2.0
    assert convert(Resolutions, (24, 32)) == (24, 32)


@pytest.mark.parametrize(("text", "ms"), [("30fps", 100 / 3), ("1000 FPS", 1), ("20ms", 20)])
def test_a_latency_may_be_a_rate_of_images(text, ms):
    assert convert(Latency, text) == pytest.approx(ms)


def test_a_rate_is_said_to_be_taken_as_a_latency(capsys):
    convert(Latency, "30fps")
    assert capsys.readouterr().err == "30fps is taken as a latency of 33.33 ms for one image\n"


@pytest.mark.parametrize("text", ["0fps", "-1fps", "30hz"])
def test_a_rate_that_is_none_is_refused(text):
    with pytest.raises(click.BadParameter, match=r"must be above 0|is not a time"):
        convert(Latency, text)


@pytest.mark.parametrize(
    ("text", "percent"), [("80", 80), ("80%", 80), ("0.5%", 0.5), ("0", 0), ("100", 100)]
)
def test_an_accuracy_is_in_per_cent(text, percent):
    assert convert(Percent, text) == percent


@pytest.mark.parametrize("text", ["0.80", ".8", "0.999"])
def test_an_accuracy_that_is_a_fraction_of_one_is_refused_with_the_percentage(text):
    with pytest.raises(click.BadParameter, match="an accuracy is in per cent; write"):
        convert(Percent, text)


@pytest.mark.parametrize("kind", [Duration, Size, Count, Resolutions])
def test_digits_of_other_scripts_are_no_digits(kind):
    with pytest.raises(click.BadParameter):
        convert(kind, "\N{FULLWIDTH DIGIT TWO}ms")
