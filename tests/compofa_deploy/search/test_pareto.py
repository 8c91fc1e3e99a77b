"""The front is that of the definition, also where points are equal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.search.pareto import find_front, peel_fronts

POINTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=40)


def dominates(a, b):
    """Costs at most as much, gains at least as much, and one of the two strictly."""
    return a[0] <= b[0] and a[1] >= b[1] and a != b


@given(POINTS)
def test_the_front_is_what_no_other_point_dominates(points):
    cost, gain = np.array(points, float).T
    found = find_front(cost, gain)
    best = {p for p in points if not any(dominates(other, p) for other in points)}
    assert {points[i] for i in found} == best
    assert len(found) == len(best)


@given(POINTS)
def test_the_front_grows_in_cost_and_gain(points):
    cost, gain = np.array(points, float).T
    found = find_front(cost, gain)
    assert (np.diff(cost[found]) > 0).all()
    assert (np.diff(gain[found]) > 0).all()


@given(POINTS)
def test_of_equal_points_the_first_is_kept(points):
    cost, gain = np.array(points, float).T
    assert all(points.index(points[i]) == i for i in find_front(cost, gain))


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_change_the_front(points, random):
    shuffled = random.sample(points, len(points))
    fronts = []
    for some in (points, shuffled):
        cost, gain = np.array(some, float).T
        fronts.append([some[i] for i in find_front(cost, gain)])
    assert fronts[0] == fronts[1]


def test_a_single_point_is_the_front():
    assert find_front(np.array([1.0]), np.array([1.0])).tolist() == [0]


@given(POINTS, st.integers(0, 4))
def test_each_front_that_is_peeled_is_the_front_of_what_is_left(points, count):
    cost, gain = np.array(points, float).T
    peeled = peel_fronts(cost, gain, count).tolist()
    assert len(set(peeled)) == len(peeled)
    left = list(range(len(points)))
    for _ in range(count):
        front = [left[i] for i in find_front(cost[left], gain[left])]
        assert peeled[: len(front)] == front
        peeled = peeled[len(front) :]
        left = [i for i in left if i not in front]
    assert peeled == []
