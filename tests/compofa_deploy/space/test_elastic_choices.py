"""The choices of a family tell which blocks run, and keep the values of these alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.families import FAMILIES

CHOICES = ElasticChoices("small", ((0, 2), (0, 1, 2)), (0, 3), (20, 35), tail=1, expand_scale=100)


def test_the_largest_depth_runs_all_blocks_and_each_step_below_leaves_the_last_out():
    assert [CHOICES.count_running((0, depth)) for depth in (0, 1, 2)] == [[0, 1, 1], [0, 2, 1], [0, 3, 1]]
    assert list(CHOICES.mask((2, 1))) == [True, True, False, True]


def test_values_of_blocks_that_run_are_spread_over_all_and_filled_again():
    spread = CHOICES.spread((0, 0), (35, 20))
    assert spread == (35, 0, 0, 20)
    assert CHOICES.fill((0, 0), spread) == [35, 35, 35, 20]
    assert CHOICES.split(spread) == [(), (35, 0, 0), (20,)]


@pytest.mark.parametrize("family", FAMILIES)
@given(st.data())
def test_spreading_keeps_the_values_that_run_in_their_order(family, data):
    choices = FAMILIES[family].CHOICES
    depths = data.draw(st.tuples(*map(st.sampled_from, choices.depths)))
    count = sum(choices.count_running(depths))
    values = data.draw(st.lists(st.sampled_from(choices.expands), min_size=count, max_size=count))
    spread = choices.spread(depths, values)
    assert len(spread) == choices.block_count
    assert [value for value in spread if value] == values
    filled = choices.fill(depths, spread)
    assert [value for value, runs in zip(filled, choices.mask(depths), strict=True) if runs] == values


@pytest.mark.parametrize("family", FAMILIES)
def test_the_example_of_a_family_is_an_id_of_it(family):
    choices = FAMILIES[family].CHOICES
    assert choices.family == family
    assert choices.pattern.fullmatch(choices.example)
