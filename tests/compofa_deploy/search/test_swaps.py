"""The listed swaps are members, keep the slack, and hold the most promising one."""

from itertools import combinations

import numpy as np
import pytest

from compofa_deploy.search.swaps import list_swaps
from compofa_deploy.space.choice_arrays import OPTIONS, POSITIONS, SPACES
from tests.compofa_deploy.search.large_spaces import make_latency


@pytest.fixture(params=["compofa-elastic", "ofa"])
def space(request):
    return SPACES[request.param]


def list_all(choices, space):
    """Every member that differs in one block or two."""
    singles = []
    for block, choice in np.ndindex(20, OPTIONS):
        row = choices.copy()
        row[block] = choice
        if choice != choices[block] and space.contains(row[None])[0]:
            singles.append((block, row))
    rows = [row for _, row in singles]
    for (a, first), (b, second) in combinations(singles, 2):
        if a != b:
            rows.append(np.where(first != choices, first, second))
    drawn = np.array(rows)
    return drawn[space.contains(drawn)]


@pytest.mark.parametrize("seed", range(4))
def test_the_best_of_all_changes_of_one_block_or_two_is_among_them(space, seed):
    rng = np.random.default_rng(seed)
    latency = make_latency(space)
    choices, gains = space.sample(rng, 1)[0], rng.normal(size=(20, OPTIONS))
    gains -= gains[POSITIONS, choices][:, None]
    slack = 0.002
    found = list_swaps(choices, gains, latency.blocks[0], slack, space, 30)
    every = list_all(choices, space)
    for rows in (found, every):
        assert space.contains(rows).all()
    extra = latency.blocks[0, POSITIONS, every].sum(axis=1) - latency.blocks[0, POSITIONS, choices].sum()
    expected = gains[POSITIONS, every[extra <= slack]].sum(axis=1).max()
    assert gains[POSITIONS, found].sum(axis=1).max() == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_they_differ_in_one_block_or_two_keep_the_slack_and_are_there_once(space, seed):
    rng = np.random.default_rng(seed)
    latency = make_latency(space)
    choices, gains = space.sample(rng, 1)[0], rng.normal(size=(20, OPTIONS))
    found = list_swaps(choices, gains, latency.blocks[0], 0.0, space, 30)
    assert 0 < len(found) <= 30
    assert len(np.unique(found, axis=0)) == len(found)
    assert set((found != choices).sum(axis=1)) <= {1, 2}
    before = latency.blocks[0, POSITIONS, choices].sum()
    assert (latency.blocks[0, POSITIONS, found].sum(axis=1) <= before + 1e-12).all()


def test_where_nothing_is_better_in_anything_nothing_is_listed():
    space = SPACES["ofa"]
    latency = make_latency(space)
    cheapest = latency.find_cheapest(space)[0]
    gains = -np.ones((20, OPTIONS))
    gains[POSITIONS, cheapest] = 0
    assert list_swaps(cheapest, gains, latency.blocks[0], 1.0, space, 30).shape == (0, 20)
