"""A sum over blocks is the table's prediction, and the cheapest subnet is the cheapest of all."""

import numpy as np
import pytest

from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.space.choice_arrays import SPACES, to_subnet
from compofa_deploy.space.layers import count_macs, count_params, list_layers
from tests.compofa_deploy.search.large_spaces import (
    ELASTIC,
    list_members,
    make_elastic_table,
    make_latency,
    narrow,
)
from tests.support.supernets import TINY


@pytest.mark.parametrize("name", SPACES)
def test_a_total_is_the_tables_prediction_of_the_listed_layers(name, rng):
    table = make_elastic_table()
    rows, at = SPACES[name].sample(rng, 60), rng.integers(2, size=60)
    subnets = [to_subnet(row, ELASTIC.resolutions[i]) for row, i in zip(rows, at, strict=True)]
    expected = [table.predict_ms(layer.key for layer in list_layers(ELASTIC, subnet)) for subnet in subnets]
    np.testing.assert_allclose(make_latency(SPACES[name], table).total(rows, at), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("cost", "count"), [("macs", count_macs), ("params", count_params)], ids=["macs", "params"]
)
def test_whatever_adds_up_over_layers_is_counted(cost, count, rng):
    costs = AdditiveCosts.of(ELASTIC, SPACES["ofa"], (20,), lambda layer, _: getattr(layer, cost))
    rows = SPACES["ofa"].sample(rng, 20)
    counted = [count(list_layers(ELASTIC, to_subnet(row, 20))) for row in rows]
    assert costs.total(rows, np.zeros(20, int)).tolist() == counted


@pytest.mark.parametrize(
    "space", [SPACES["compofa"], narrow(SPACES["ofa"], (0, 4), ((3, 3), (7, 4)))], ids=["compofa", "narrow"]
)
def test_the_cheapest_is_that_of_all_members(space):
    latency, members = make_latency(space), list_members(space)
    cheapest = latency.find_cheapest(space)
    assert space.contains(cheapest).all()
    for i in range(len(ELASTIC.resolutions)):
        at = np.full(len(members), i)
        assert latency.total(cheapest[[i]], at[:1])[0] == latency.total(members, at).min()


@pytest.mark.parametrize("name", ["compofa-elastic", "ofa"])
def test_nothing_sampled_is_cheaper_than_the_cheapest(name, rng):
    latency = make_latency(SPACES[name])
    at = np.zeros(2000, int)
    lowest = latency.total(latency.find_cheapest(SPACES[name])[:1], at[:1])[0]
    assert (latency.total(SPACES[name].sample(rng, 2000), at) >= lowest).all()


def test_layers_that_the_space_does_not_have_are_not_asked_for():
    asked = set()
    AdditiveCosts.of(TINY, SPACES["compofa"], (16,), lambda layer, _: asked.add(layer.key) or 0.0)
    compound = {
        layer.key
        for row in list_members(SPACES["compofa"])
        for layer in list_layers(TINY, to_subnet(row, 16))
    }
    assert asked == compound
