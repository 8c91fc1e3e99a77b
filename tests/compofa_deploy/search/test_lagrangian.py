"""A relaxed solution keeps its budget, and no member of equal or lower cost gains more at its price."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.search.lagrangian import solve_relaxation
from compofa_deploy.space.choice_arrays import OPTIONS, POSITIONS, SPACES
from tests.compofa_deploy.search.large_spaces import list_members, make_latency, narrow

SMALL = [SPACES["compofa"], narrow(SPACES["ofa"], (0, 2), ((3, 3), (5, 4), (7, 6))),
         narrow(SPACES["compofa-elastic"], (1, 4), ((3, 3), (5, 3), (5, 4), (7, 3)))]  # fmt: skip


@cache
def describe(space):
    """Latencies and members of a space, made once for all examples."""
    return make_latency(space), list_members(space)


@given(st.integers(0, 10**6), st.sampled_from(SMALL), st.floats(0, 1))
def test_nothing_that_costs_no_more_gains_more(seed, space, share):
    rng = np.random.default_rng(seed)
    latency, members = describe(space)
    gains, costs = rng.normal(size=(1, 20, OPTIONS)), latency.blocks[:1]
    gain = gains[0, POSITIONS, members].sum(axis=1)
    cost = costs[0, POSITIONS, members].sum(axis=1)
    budget = cost.min() + share * (cost.max() - cost.min())
    (found,) = solve_relaxation(gains, costs, np.array([budget]), latency.find_cheapest(space)[:1], space)
    assert space.contains(found[None])[0]
    found_cost, found_gain = costs[0, POSITIONS, found].sum(), gains[0, POSITIONS, found].sum()
    assert found_cost <= budget * (1 + 1e-12)
    if found_cost > cost.min():
        assert (gain[cost <= found_cost] <= found_gain + 1e-9).all()


@pytest.mark.parametrize("space", SMALL, ids=lambda space: space.name)
def test_rows_are_solved_as_they_are_alone(space, rng):
    latency = make_latency(space)
    gains = rng.normal(size=(6, 20, OPTIONS))
    cheapest = latency.find_cheapest(space)[[0] * 6]
    costs, budgets = latency.blocks[[0] * 6], np.linspace(0.02, 0.2, 6)
    together = solve_relaxation(gains, costs, budgets, cheapest, space)
    for i in range(6):
        alone = solve_relaxation(gains[[i]], costs[[i]], budgets[[i]], cheapest[[i]], space)
        assert alone[0].tolist() == together[i].tolist()
    assert len(np.unique(together, axis=0)) > 1


def test_a_budget_that_only_the_cheapest_keeps_is_answered_with_it(rng):
    space = SPACES["ofa"]
    latency = make_latency(space)
    cheapest = latency.find_cheapest(space)
    budgets = latency.blocks[[0]][0, POSITIONS, cheapest[0]].sum()[None] * (1 + 1e-12)
    gains = rng.normal(size=(1, 20, OPTIONS))
    assert (
        solve_relaxation(gains, latency.blocks[:1], budgets, cheapest[:1], space).tolist()
        == cheapest[:1].tolist()
    )
