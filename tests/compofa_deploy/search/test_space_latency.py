"""A search counts the latency that the table predicts, cache contention included."""

import numpy as np
import pytest

from compofa_deploy.search.large_spaces import find_candidates
from compofa_deploy.search.space_latency import list_latencies
from compofa_deploy.space.choice_arrays import SPACES, to_subnet
from compofa_deploy.space.layers import list_layers
from tests.compofa_deploy.search.large_spaces import (
    ELASTIC,
    list_members,
    make_accuracies,
    make_contended_table,
    make_elastic_table,
    narrow,
)

TABLES = [
    make_contended_table(intercept_ms=0.01),
    make_contended_table(-0.2),
    make_elastic_table(intercept_ms=-0.001),
]
SETTINGS = ((3, 3), (7, 6), (5, 4))


def predict(table, subnet):
    at = table.at(subnet.resolution)
    return at.predict_ms(layer.key for layer in list_layers(ELASTIC, subnet))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("table", TABLES)
def test_the_searched_latency_of_every_space_is_the_predicted_one(table, name, rng):
    space = SPACES[name]
    latency = list_latencies(ELASTIC, table, space, ELASTIC.resolutions, 50)
    scale = 1 + table.margin(0.9)
    rows, at = space.sample(rng, 40), rng.integers(0, 2, 40)
    predicted = [
        scale * predict(table, to_subnet(row, ELASTIC.resolutions[i]))
        for row, i in zip(rows, at, strict=True)
    ]
    np.testing.assert_allclose(latency.total(rows, at), predicted, rtol=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_the_tangent_is_exact_at_its_row_and_near_it_after_one_change(table, rng):
    space = SPACES["ofa"]
    latency = list_latencies(ELASTIC, table, space, ELASTIC.resolutions)
    rows, at = space.sample(rng, 20), rng.integers(0, 2, 20)
    fixed, blocks = latency.linearise(rows, at)
    changed = rows.copy()
    changed[:, 0] = (rows[:, 0] + 1) % 9
    for choices, tolerance in ((rows, 1e-12), (changed, 1e-2)):
        sums = fixed + np.take_along_axis(blocks, choices[..., None], axis=2)[..., 0].sum(axis=1)
        np.testing.assert_allclose(sums, latency.total(choices, at), rtol=tolerance)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("stages", [(0, 2), (1, 4), (3,)])
def test_the_fastest_subnet_is_that_of_brute_force(table, stages):
    space = narrow(SPACES["ofa"], stages, SETTINGS)
    latency = list_latencies(ELASTIC, table, space, ELASTIC.resolutions)
    members = list_members(space)
    for i, row in enumerate(latency.find_cheapest(space)):
        at = np.full(len(members), i)
        assert latency.total(row[None], at[:1])[0] == pytest.approx(
            latency.total(members, at).min(), rel=1e-12
        )


@pytest.mark.parametrize("strength", [0.3, -0.2])
def test_what_is_found_keeps_the_limit_with_contention_and_comes_near_it(strength):
    table, space = make_contended_table(strength), SPACES["ofa"]
    latency = list_latencies(ELASTIC, table, space, ELASTIC.resolutions)
    limit_ms = 1.8 * latency.total(latency.find_cheapest(space), np.arange(2)).min()
    found, _ = find_candidates(space, make_accuracies(), [table], limit_ms, evaluations=600)
    assert 0.9 * limit_ms < found.latency_ms[0] * (1 + found.margin[0]) <= limit_ms * (1 + 1e-9)
    assert found.latency_ms[0] == pytest.approx(predict(table, found.subnet(0)), rel=1e-12)
