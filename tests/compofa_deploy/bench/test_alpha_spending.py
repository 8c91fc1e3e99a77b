"""AlphaSpending share one error, and stop where nothing would change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.bench.alpha_spending import AlphaSpending, is_settled
from compofa_deploy.bench.weighted_sign_test import Interval


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 200)), max_size=60))
def test_looks_never_spend_more_than_there_is(moments):
    spending = AlphaSpending(0.01)
    shares = sorted(share for share, _ in moments)
    spent = [spending.spend(share, blocks) for share, (_, blocks) in zip(shares, moments, strict=True)]
    assert sum(spent) <= 0.01 + 1e-12
    assert all(error >= 0 for error in spent)


def test_a_look_with_too_few_blocks_leaves_its_error_to_the_next():
    spending = AlphaSpending(0.01)
    assert spending.spend(0.4, 5) == 0
    assert spending.spend(0.6, 40) == pytest.approx(0.0036)
    assert spending.spend(1.0, 60) == pytest.approx(0.0064)


def test_after_all_of_the_time_the_last_look_has_enough_blocks():
    for error in (0.01, 0.001, 0.00001):
        spending = AlphaSpending(error)
        for share in (0.4, 0.6, 0.8):
            spending.spend(share, 200)
        assert spending.spend(1.0, spending.fewest_blocks) > 0


@pytest.mark.parametrize(
    ("low", "high", "settled"),
    [
        (0.99, 1.01, True),
        (1.02, 1.05, True),
        (0.90, 0.95, True),
        (0.95, 1.01, False),
        (0.99, 1.05, False),
    ],
)
def test_what_may_yet_be_faster_is_worth_waiting_for(low, high, settled):
    assert is_settled(Interval(1.0, low, high), 0.03) is settled
