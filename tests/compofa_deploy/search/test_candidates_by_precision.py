"""Device specs are searched together, each with the accuracies of its own precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.candidates_by_precision import join, list_by_precision
from compofa_deploy.search.constraints import MaxLatency
from compofa_deploy.search.select import best, front
from tests.latency_tables.builders import SPEC
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table

HALF = replace(SPEC, runtime="openvino", precision="bf16")


@pytest.fixture(scope="module")
def accuracies():
    f32 = make_accuracies(make_supernet())
    poorer = {split: counts - 20 for split, counts in f32.correct.items()}
    return AccuraciesByPrecision(f32, (replace(f32, correct=poorer, precision="bf16", runtime="openvino"),))


@pytest.fixture(scope="module")
def tables():
    plain = make_table()
    quick = {key: cost / 2 for key, cost in plain.costs_ms.items()}
    return [plain, make_table(spec=HALF, costs_ms=quick, layers_ms=quick)]


def test_each_device_spec_has_the_accuracies_of_its_precision(accuracies, tables):
    mixed = list_by_precision(TINY, accuracies, tables)
    assert len(mixed) == 2 * 2 * 243
    assert mixed.tables == tuple(tables)
    at = {place: mixed.accuracy[mixed.table == place] for place in (0, 1)}
    np.testing.assert_allclose(at[0] - at[1], 2.0)


def test_the_candidates_are_those_of_each_alone(accuracies, tables):
    mixed = list_by_precision(TINY, accuracies, tables)
    alone = list_candidates(TINY, accuracies.lower[0], tables[1:])
    mine = mixed.take(np.flatnonzero(mixed.table == 1))
    assert [mine.describe(i) for i in (0, 400)] == [alone.describe(i) for i in (0, 400)]


def test_the_best_of_all_is_the_best_of_each_ones_best(accuracies, tables):
    mixed = list_by_precision(TINY, accuracies, tables)
    for limit in (0.025, 0.03, 0.04, 0.1):
        limits = [MaxLatency(limit)]
        alone = []
        for table in tables:
            own = list_candidates(TINY, accuracies.of(table.spec), [table])
            try:
                alone.append(own.accuracy[best(own, limits)])
            except Exception:
                continue
        assert mixed.accuracy[best(mixed, limits)] == max(alone)


def test_the_front_mixes_device_specs(accuracies, tables):
    mixed = list_by_precision(TINY, accuracies, tables)
    assert set(mixed.table[front(mixed)].tolist()) == {0, 1}


def test_without_accuracies_of_its_own_a_precision_is_given_those_of_f32(accuracies, tables):
    mixed = list_by_precision(TINY, AccuraciesByPrecision(accuracies.f32), tables)
    np.testing.assert_array_equal(mixed.accuracy[mixed.table == 0], mixed.accuracy[mixed.table == 1])


def test_one_part_joined_is_itself(accuracies, tables):
    alone = list_candidates(TINY, accuracies.f32, tables[:1])
    joined = join([alone])
    assert [joined.describe(i) for i in range(0, len(joined), 50)] == [
        alone.describe(i) for i in range(0, len(alone), 50)
    ]
