"""The interval holds what it says, whatever the noise; quiet blocks count for more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compofa_deploy.bench.weighted_sign_test import LEVELS, count_needed_blocks, find_interval, find_weights

ERROR = 0.02
SIMULATIONS = 1500

blocks = st.integers(8, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(-1, 1)), arrays(np.float64, n, elements=st.floats(0, 1))
    )
)


def draw_blocks(rng, count):
    """Noise of two kinds, of which the spread tells, that stays the same for a while."""
    noise = np.repeat(rng.choice([0.01, 0.15], size=count // 4 + 1, p=[0.7, 0.3]), 4)[:count]
    return noise * rng.standard_normal(count), noise * rng.uniform(0.5, 2, count)


def test_either_end_is_wrong_no_more_often_than_it_may_be(rng):
    below = above = 0
    for _ in range(SIMULATIONS):
        interval = find_interval(*draw_blocks(rng, 30), ERROR)  # type: ignore[call-arg]
        below += interval.high < 1
        above += interval.low > 1
    # Three standard deviations of a count.
    most = ERROR * SIMULATIONS + 3 * (ERROR * SIMULATIONS) ** 0.5
    assert below <= most
    assert above <= most


def test_noise_that_depends_on_the_order_alone_does_not_mislead(rng):
    """The model that is called second is 5 % faster in every block; only the random order corrects that."""
    wrong = 0
    for _ in range(300):
        order = rng.choice([-1, 1], 30)
        interval = find_interval(0.05 * order + 0.001 * rng.standard_normal(30), np.full(30, 0.01), ERROR)
        wrong += not interval.low <= 1 <= interval.high
    assert wrong <= 300 * 2 * ERROR + 3 * (300 * 2 * ERROR) ** 0.5


def test_quiet_blocks_make_it_narrower(rng):
    widths = []
    for _ in range(50):
        ratios, spreads = draw_blocks(rng, 40)
        weighted, equal = (find_interval(ratios, s, 0.005) for s in (spreads, np.full(40, 0.1)))
        widths.append(np.log(weighted.high / weighted.low) / np.log(equal.high / equal.low))
    assert np.median(widths) < 0.9


def test_equal_weights_give_the_order_statistics_of_the_binomial_table():
    values = np.arange(1, 21) / 100
    interval = find_interval(values, np.full(20, 0.01), 0.025)
    assert np.log([interval.low, interval.ratio, interval.high]) == pytest.approx([0.06, 0.105, 0.15])


@given(blocks)
def test_the_ends_are_on_either_side_of_the_ratio_and_among_the_blocks(drawn):
    ratios, spreads = drawn
    interval = find_interval(ratios, spreads, 0.02)
    assert interval.low <= interval.ratio <= interval.high
    assert np.isclose(np.exp(ratios), interval.low).any()
    assert np.isclose(np.exp(ratios), interval.high).any()


@given(blocks, st.floats(-0.5, 0.5))
def test_a_slower_model_moves_the_interval_by_as_much(drawn, shift):
    ratios, spreads = drawn
    here, there = find_interval(ratios, spreads, 0.02), find_interval(ratios + shift, spreads, 0.02)
    for end in ("low", "ratio", "high"):
        assert getattr(there, end) == pytest.approx(getattr(here, end) * np.exp(shift))


@given(blocks)
def test_old_and_new_exchanged_turn_it_over(drawn):
    ratios, spreads = drawn
    here, there = find_interval(ratios, spreads, 0.02), find_interval(-ratios, spreads, 0.02)
    assert (there.low, there.ratio, there.high) == pytest.approx(
        (1 / here.high, 1 / here.ratio, 1 / here.low)
    )


@pytest.mark.parametrize("error", [0.01, 0.0016, 0.0001])
def test_too_few_blocks_make_no_interval(error):
    enough = count_needed_blocks(error)
    assert find_interval(np.zeros(enough), np.zeros(enough), error).ratio == 1
    with pytest.raises(ValueError, match="make no interval"):
        find_interval(np.zeros(enough - 1), np.zeros(enough - 1), error)


def test_a_block_weighs_as_the_inverse_of_its_spread():
    weights = find_weights(np.array([0.005, 0.015, 0.995]))
    assert weights.tolist() == [LEVELS, LEVELS // 2, 1]
