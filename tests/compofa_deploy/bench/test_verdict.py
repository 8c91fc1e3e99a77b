"""What an interval is answered with, and the exit code of many answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.bench.verdict import (
    Comparison,
    Verdict,
    allow_error,
    decide,
    find_exit_code,
    find_floor,
)

SAME, FASTER, SLOWER, UNCLEAR = Verdict.SAME, Verdict.FASTER, Verdict.SLOWER, Verdict.COULD_NOT_TELL

ratios = st.floats(0.1, 10)
limits = st.floats(0.001, 1)


def make_comparison(verdict, model="23432@16"):
    return Comparison(model, 1.02, 1.01, 1.03, verdict, 0.03, 1.0, 1.02, 20, 4.5)


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (0.99, 1.01, SAME),
        (0.96, 1.02, SAME),
        (1.016, 1.029, SAME),
        (0.80, 0.90, FASTER),
        (0.97, 0.985, FASTER),
        (0.97, 0.995, SAME),
        (1.02, 1.04, SLOWER),
        (1.10, 1.30, SLOWER),
        (0.99, 1.04, UNCLEAR),
        (1.005, 1.04, UNCLEAR),
        (0.50, 2.00, UNCLEAR),
    ],
)
def test_an_interval_is_answered_for_three_per_cent(low, high, answer):
    assert decide(low, high, 0.03) is answer


@given(ratios, ratios, limits)
def test_slower_is_said_only_of_what_is_surely_above_the_floor_and_may_be_above_the_limit(a, b, limit):
    low, high = sorted((a, b))
    if decide(low, high, limit) is SLOWER:
        assert low > 1 + find_floor(limit)
        assert high >= 1 + limit


@given(ratios, ratios, limits)
def test_a_build_passes_only_where_the_limit_is_ruled_out(a, b, limit):
    low, high = sorted((a, b))
    assert (decide(low, high, limit).exit_code == 0) == (high < 1 + limit)


@given(ratios, ratios, limits, st.floats(0, 1))
def test_a_narrower_interval_never_takes_a_clear_answer_back(a, b, limit, share):
    """Only into the zone where either answer is allowed."""
    low, high = sorted((a, b))
    inner = low + share * (high - low)
    if decide(low, high, limit) in (SAME, FASTER):
        assert decide(low, inner, limit) in (SAME, FASTER)
    if decide(low, high, limit) is SLOWER:
        assert decide(inner, high, limit) is SLOWER


def test_a_limit_of_nothing_is_a_bug():
    with pytest.raises(ValueError, match="no interval of a ratio"):
        decide(0.9, 1.1, 0.0)


def test_more_models_share_the_same_error():
    assert allow_error(5) * 5 == pytest.approx(allow_error(1))


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([SAME, FASTER], 0),
        ([SAME, UNCLEAR], 3),
        ([UNCLEAR, SLOWER, SAME], 1),
        ([SLOWER], 1),
        ([FASTER], 0),
    ],
)
def test_one_slower_model_fails_the_call_and_one_unclear_is_not_passed_over(verdicts, code):
    assert find_exit_code(map(make_comparison, verdicts)) == code


def test_a_comparison_is_json():
    found = json.loads(json.dumps(make_comparison(UNCLEAR).to_dict()))
    assert found["verdict"] == "could not tell"
    assert found["notes"] == []
    assert (found["low"], found["ratio"], found["high"]) == (1.01, 1.02, 1.03)
