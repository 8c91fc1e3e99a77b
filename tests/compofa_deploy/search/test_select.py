"""The answer equals that of a loop over every candidate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.search.constraints import MaxLatency, MaxMacs, MaxParams, MaxSize, MinAccuracy
from compofa_deploy.search.select import best, front, keep_feasible, rank
from latency_tables.errors import InfeasibleError
from tests.compofa_deploy.search.builders import FEW_VALUES, make_candidates, some_candidates

LIMITS = st.lists(
    st.one_of(*(FEW_VALUES.map(kind) for kind in (MaxLatency, MaxSize, MaxMacs, MaxParams, MinAccuracy))),
    max_size=3,
)


def keeps(candidates, index, constraint):
    """Whether one candidate keeps a limit, said once more in plain words."""
    match constraint:
        case MaxLatency(limit):
            return candidates.latency_ms[index] * (1 + candidates.margin[index]) <= limit
        case MaxSize(limit):
            return candidates.size_bytes[index] <= limit
        case MaxMacs(limit):
            return candidates.macs[index] <= limit
        case MaxParams(limit):
            return candidates.params[index] <= limit
        case MinAccuracy(percent):
            return candidates.accuracy[index] >= percent


def preference(candidates, index):
    """Smaller is better."""
    return (
        -candidates.accuracy[index],
        candidates.latency_ms[index],
        candidates.macs[index],
        candidates.params[index],
        candidates.table[index],
        -candidates.resolution[index],
        candidates.depths[index],
    )


def rank_by_force(candidates, constraints):
    kept = [i for i in range(len(candidates)) if all(keeps(candidates, i, c) for c in constraints)]
    return sorted(kept, key=lambda i: preference(candidates, i))


@given(some_candidates(), LIMITS)
def test_the_optimum_and_the_ranking_are_those_of_brute_force(candidates, constraints):
    expected = rank_by_force(candidates, constraints)
    if not expected:
        with pytest.raises(InfeasibleError):
            best(candidates, constraints)
        return
    assert best(candidates, constraints) == expected[0]
    assert rank(candidates, constraints).tolist() == expected
    assert keep_feasible(candidates, constraints).tolist() == sorted(expected)


@given(some_candidates(), LIMITS)
def test_the_front_is_of_the_feasible_candidates_alone(candidates, constraints):
    kept = rank_by_force(candidates, constraints)
    if not kept:
        return
    found = front(candidates, constraints).tolist()
    assert set(found) <= set(kept)
    points = [(candidates.latency_ms[i], candidates.accuracy[i]) for i in kept]
    for i in found:
        latency, accuracy = candidates.latency_ms[i], candidates.accuracy[i]
        assert not any(
            ms <= latency and percent >= accuracy and (ms, percent) != (latency, accuracy)
            for ms, percent in points
        )


@given(some_candidates(), st.integers(0, 1000))
def test_ties_are_broken_the_same_way_wherever_candidates_stand(candidates, seed):
    order = np.random.default_rng(seed).permutation(len(candidates))
    shuffled = candidates.take(order)
    assert order[best(shuffled, [])] == best(candidates, [])
    assert order[rank(shuffled, [])].tolist() == rank(candidates, []).tolist()


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.2, 0.3])
def test_the_optimum_of_all_real_candidates_is_that_of_brute_force(candidates, budget):
    constraints = [MaxLatency(budget), MaxMacs(10**6)]
    expected = rank_by_force(candidates, constraints)
    if expected:
        assert best(candidates, constraints) == expected[0]
    else:
        with pytest.raises(InfeasibleError):
            best(candidates, constraints)


def test_an_impossible_budget_names_the_fastest_candidate(candidates):
    fastest = candidates.subnet(int(np.argmin(candidates.latency_ms)))
    with pytest.raises(InfeasibleError, match=f"latency at most 0.001 ms; the closest is {fastest}: "):
        best(candidates, [MinAccuracy(50), MaxLatency(0.001)])


def test_limits_that_only_conflict_with_each_other_are_both_named():
    candidates = make_candidates([1, 2, 3], [10, 20, 30])
    with pytest.raises(InfeasibleError, match="latency at most 1 ms and accuracy at least 15 %"):
        best(candidates, [MaxLatency(1), MinAccuracy(15)])


def test_the_closest_of_conflicting_limits_is_the_fastest_that_keeps_the_others():
    candidates = make_candidates([1, 2, 3], [10, 20, 30])
    with pytest.raises(InfeasibleError, match=r"the closest is 22223@16: 2 ms \(up to 2 ms\), 20.00 %"):
        best(candidates, [MaxLatency(1), MinAccuracy(15)])


def test_a_limit_that_nothing_keeps_names_the_candidate_that_comes_closest():
    candidates = make_candidates([1, 2, 3], [10, 30, 20])
    with pytest.raises(
        InfeasibleError, match="no candidate has accuracy at least 99 %; the closest is 22223@16"
    ):
        best(candidates, [MaxLatency(5), MinAccuracy(99)])


def test_without_constraints_the_most_accurate_wins():
    assert best(make_candidates([1, 2, 3], [10, 30, 20]), []) == 1
