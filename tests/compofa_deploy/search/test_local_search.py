"""The local search finds the optimum of small spaces, keeps the limit, ends, and repeats itself."""

import numpy as np
import pytest

from compofa_deploy.search.local_search import EVALUATIONS, find_best
from compofa_deploy.search.predictor_gradients import PredictorGradients
from compofa_deploy.space.choice_arrays import SPACES
from latency_tables.errors import InfeasibleError
from tests.compofa_deploy.search.large_spaces import (
    ELASTIC,
    list_members,
    make_gradients,
    make_latency,
    make_predictor,
    narrow,
)
from tests.support.subnets import to_choices

OFA = SPACES["ofa"]
TWO_STAGES_FREE = narrow(OFA, (1, 3), ((3, 3), (5, 4), (7, 6)))


def find(space, limit_ms, seed=0, evaluations=EVALUATIONS, gradients=None):
    gradients = gradients or make_gradients()
    return find_best(
        space, gradients, make_latency(space), limit_ms, np.random.default_rng(seed), evaluations
    )


def middle_limit(space, share):
    """A limit between the fastest member and the slowest."""
    latency = make_latency(space)
    rows = space.sample(np.random.default_rng(0), 500)
    latencies = latency.total(rows, np.zeros(500, int))
    return latencies.min() + share * (latencies.max() - latencies.min())


def latency_of(found, space):
    at = np.array([ELASTIC.resolutions.index(found.subnet.resolution)])
    return make_latency(space).total(to_choices(found.subnet)[None], at)[0]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 1.2])
@pytest.mark.parametrize("space", [SPACES["compofa"], TWO_STAGES_FREE], ids=["compofa", "two stages free"])
def test_the_optimum_is_that_of_brute_force(space, share):
    limit_ms, members = middle_limit(space, share), list_members(space)
    gradients, latency = make_gradients(), make_latency(space)
    best = -np.inf
    for i in range(len(ELASTIC.resolutions)):
        at = np.full(len(members), i)
        keeps = latency.total(members, at) <= limit_ms
        best = max(best, gradients.values(members[keeps], at[keeps]).max(initial=-np.inf))
    assert find(space, limit_ms).accuracy == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("name", ["compofa-elastic", "ofa"])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_it_is_better_than_ten_times_as_many_random_members(name, share, rng):
    space, gradients = SPACES[name], make_gradients()
    limit_ms = middle_limit(space, share)
    rows, at = space.sample(rng, 10 * EVALUATIONS), rng.integers(2, size=10 * EVALUATIONS)
    keeps = make_latency(space).total(rows, at) <= limit_ms
    found = find(space, limit_ms)
    assert found.accuracy > gradients.values(rows[keeps], at[keeps]).max()
    assert latency_of(found, space) <= limit_ms


def test_what_is_found_is_a_member_with_the_accuracy_that_the_predictor_gives():
    space = SPACES["compofa-elastic"]
    found = find(space, middle_limit(space, 0.4))
    assert space.contains(to_choices(found.subnet)[None])[0]
    assert found.accuracy == pytest.approx(make_predictor().predict_subnets([found.subnet])[0], rel=1e-6)


def test_a_higher_limit_is_not_worse():
    accuracies = [find(OFA, middle_limit(OFA, share)).accuracy for share in (0.1, 0.3, 0.5, 0.9)]
    assert sorted(accuracies) == accuracies


def test_the_same_seed_finds_the_same_and_another_climbs_elsewhere():
    limit_ms = middle_limit(OFA, 0.3)
    first, again = (find(OFA, limit_ms, seed=1, evaluations=400) for _ in range(2))
    assert first == again
    others = {find(OFA, limit_ms, seed=seed, evaluations=400).subnet for seed in range(2, 6)}
    assert len(others | {first.subnet}) > 1


@pytest.mark.parametrize("evaluations", [1, 2, 50, 500])
def test_no_more_subnets_are_evaluated_than_allowed(evaluations):
    gradients = make_gradients()
    found = find(OFA, middle_limit(OFA, 0.3), evaluations=evaluations, gradients=gradients)
    assert found.evaluations == gradients.evaluations <= evaluations
    assert latency_of(found, OFA) <= middle_limit(OFA, 0.3)


def test_a_space_that_is_all_seen_is_left_before_the_evaluations_are_used_up():
    space = narrow(OFA, (), ((3, 3),))
    found = find(space, 1e9, evaluations=10**9)
    assert found.evaluations < 10_000
    assert found.subnet.resolution in ELASTIC.resolutions


class Untouchable(PredictorGradients):
    """A predictor that must not be asked."""

    def __init__(self):
        self.evaluations = 0

    def values(self, choices, at):
        raise AssertionError

    gains = values


@pytest.mark.parametrize("name", SPACES)
def test_an_infeasible_limit_is_answered_before_anything_is_evaluated(name):
    space = SPACES[name]
    latency = make_latency(space)
    lowest = latency.total(latency.find_cheapest(space), np.arange(2)).min()
    message = rf"infeasible: no subnet of {name} has latency at most .*; the fastest is 22222.*@16"
    with pytest.raises(InfeasibleError, match=message):
        find(space, lowest * 0.999, gradients=Untouchable())
    assert latency_of(find(space, lowest * 1.001, evaluations=100), space) <= lowest * 1.001


def test_a_resolution_that_no_subnet_keeps_the_limit_at_is_left_out():
    latency = make_latency(OFA)
    lowest = latency.total(latency.find_cheapest(OFA), np.arange(2))
    assert find(OFA, float(lowest.mean()), evaluations=300).subnet.resolution == 16
