"""Candidates come best first, and are ranked again as soon as an accuracy is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.search.constraints import MaxLatency, MinAccuracy
from compofa_deploy.search.lazy_ranking import LazyRanking
from compofa_deploy.search.select import rank
from latency_tables.errors import InfeasibleError
from tests.compofa_deploy.search.builders import make_candidates, some_candidates
from tests.support.supernets import make_table

LIMITS = (MaxLatency(10.0),)


@given(some_candidates())
def test_uncorrected_they_are_ranked(candidates):
    assert list(LazyRanking(candidates, LIMITS)) == rank(candidates, LIMITS).tolist()


def test_one_that_is_less_accurate_than_assumed_comes_again_in_its_place():
    ranking = LazyRanking(make_candidates([1, 1, 1], [90, 80, 70]), LIMITS)
    order = []
    for index in ranking:
        order.append(index)
        if order == [0]:
            ranking.correct(0, 75.0)
    assert order == [0, 1, 0, 2]
    assert ranking.candidates.accuracy.tolist() == [75, 80, 70]


def test_one_that_is_as_accurate_as_assumed_comes_again_at_once():
    ranking = LazyRanking(make_candidates([1, 1], [90, 80]), LIMITS)
    iterator = iter(ranking)
    assert next(iterator) == 0
    ranking.correct(0, 90.0)
    assert list(iterator) == [0, 1]


def test_one_that_no_longer_keeps_the_constraints_does_not_come_again():
    limits = (*LIMITS, MinAccuracy(75))
    ranking = LazyRanking(make_candidates([1, 1], [90, 80]), limits)
    iterator = iter(ranking)
    next(iterator)
    ranking.correct(0, 70.0)
    assert list(iterator) == [1]
    ranking = LazyRanking(make_candidates([1], [90]), limits)
    iterator = iter(ranking)
    next(iterator)
    ranking.correct(0, 70.0)
    assert list(iterator) == []


def test_the_same_subnet_on_other_threads_is_corrected_too_and_no_other():
    one = make_table()
    spec = one.spec
    tables = (
        one,
        make_table(spec=replace(spec, threads=2)),
        make_table(spec=replace(spec, precision="bf16")),
    )
    candidates = replace(
        make_candidates([1] * 5, [90] * 5),
        tables=tables,
        table=np.array([0, 1, 2, 0, 1]),
        depths=np.array([7, 7, 7, 8, 7]),
        resolution=np.array([16, 16, 16, 16, 20]),
    )
    ranking = LazyRanking(candidates, LIMITS)
    index = next(iter(ranking))
    assert index == 0
    ranking.correct(index, 50.0)
    assert ranking.candidates.accuracy.tolist() == [50, 50, 90, 90, 90]


@given(some_candidates(), st.data())
def test_whatever_is_corrected_each_is_delivered_once_and_the_best_first(candidates, data):
    """Each is corrected at its first turn; those delivered come from the best by what is then known."""
    true = data.draw(st.lists(st.integers(1, 6), min_size=len(candidates), max_size=len(candidates)))
    single = replace(candidates, depths=np.arange(len(candidates)))
    ranking = LazyRanking(single, LIMITS)
    known, delivered = set(), []
    for index in ranking:
        if index not in known:
            known.add(index)
            ranking.correct(index, min(float(true[index]), float(single.accuracy[index])))
        else:
            delivered.append(index)
    final = ranking.candidates.accuracy[delivered]
    assert sorted(delivered) == list(range(len(candidates)))
    assert (np.diff(final) <= 0).all()


def test_where_none_keeps_the_constraints_there_is_no_turn():
    with pytest.raises(InfeasibleError):
        LazyRanking(make_candidates([11.0], [90]), LIMITS)
