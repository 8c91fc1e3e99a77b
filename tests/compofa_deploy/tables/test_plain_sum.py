"""A table as a plain sum of layers predicts as before, with every layer near its own time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import enumerate_compound, list_layers
from compofa_deploy.tables.exporting import FORMATS
from compofa_deploy.tables.importing import import_table
from compofa_deploy.tables.plain_sum import make_plain_sum
from latency_tables.errors import InputError
from latency_tables.imported import describe_device
from latency_tables.shipped import list_shipped
from latency_tables.table import LatencyTable, MeasuredNetwork
from tests.compofa_deploy.search.large_spaces import ELASTIC, make_contended_table, make_elastic_table
from tests.support.subnets import sample_any
from tests.support.supernets import TINY, make_table


def predict(table, resolution):
    architecture = Architecture.from_dict(table.architecture)
    at = table.at(resolution)
    plans = [list_layers(architecture, subnet) for subnet in enumerate_compound(resolution)]
    return np.array([at.predict_ms(layer.key for layer in plan) for plan in plans])


def add_up(sums, architecture, resolution):
    costs = sums.costs_ms[resolution]
    plans = [list_layers(architecture, subnet) for subnet in enumerate_compound(resolution)]
    return np.array([sum(costs[layer.key] for layer in plan) for plan in plans])


def make_quick_table(seed, intercept_share):
    """A table of few networks: layers that a fit cannot separate got costs far from their own times."""
    rng = np.random.default_rng(seed)
    plain = make_table(intercept_ms=0.0)
    factors = rng.lognormal(0, 0.15, len(plain.costs_ms))
    costs = {key: ms * factor for (key, ms), factor in zip(plain.costs_ms.items(), factors, strict=True)}
    for key in costs:
        # The head's layers are in every network, so a fit may shift time between them and the intercept.
        if key.startswith(("conv-", "linear-")) and "k3" not in key:
            costs[key] *= rng.choice([0.01, 1.0, 1.5])
    smallest = min(predict(make_table(costs_ms=costs, intercept_ms=0.0), r).min() for r in TINY.resolutions)
    network = MeasuredNetwork("22222@16", tuple(costs)[:1], 1.0)
    return make_table(costs_ms=costs, intercept_ms=intercept_share * smallest, networks=(network,))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.3, 0.3))
def test_a_quick_tables_sums_are_its_predictions_and_its_layers_are_plausible(seed, intercept_share):
    table = make_quick_table(seed, intercept_share)
    sums = make_plain_sum(table)
    assert sums.largest_error == 0
    for resolution in table.resolutions:
        np.testing.assert_allclose(add_up(sums, TINY, resolution), predict(table, resolution), rtol=1e-8)
        ratios = [ms / table.layers_ms[key] for key, ms in sums.costs_ms[resolution].items()]
        assert min(ratios) > 0.2
        assert max(ratios) < 5
    for key, ms in sums.costs_ms[16].items():
        assert sums.costs_ms[20].get(key, ms) == ms, "a layer costs the same at every resolution"


@pytest.mark.parametrize("path", list_shipped(), ids=lambda path: path.stem)
@pytest.mark.parametrize(("kind", "name"), [("ofa", "out"), ("csv", "out.csv")])
def test_a_table_that_ships_comes_back_with_its_predictions(tmp_path, path, kind, name):
    table = LatencyTable.load(path)
    architecture = Architecture.from_dict(table.architecture)
    exported = FORMATS[kind](table, tmp_path / name)
    again = import_table(tmp_path / name, architecture, describe_device(), "compofa")
    assert again.resolutions == table.resolutions
    assert exported.largest_error < 0.025, "the share of the cache contention that no sum can hold"
    for resolution in (table.resolutions[0], table.resolutions[-1]):
        before, after = predict(table, resolution), predict(again, resolution)
        assert np.abs(after / before - 1).max() <= max(exported.largest_error * 1.05, 1e-8)
    ratios = [again.costs_ms[key] / ms for key, ms in table.layers_ms.items()]
    assert min(ratios) > 0.5
    assert max(ratios) < 2


def test_a_table_of_a_larger_space_keeps_the_predictions_of_all_its_subnets(rng):
    table = make_elastic_table(intercept_ms=-0.002)
    sums = make_plain_sum(table)
    assert sums.space == "ofa"
    for _ in range(40):
        subnet = sample_any(rng, int(rng.choice(ELASTIC.resolutions)))
        keys = [layer.key for layer in list_layers(ELASTIC, subnet)]
        total = sum(sums.costs_ms[subnet.resolution][key] for key in keys)
        assert total == pytest.approx(table.predict_ms(keys), rel=1e-8)


def test_contention_is_stated_as_the_error_of_the_sums():
    error = make_plain_sum(make_contended_table(0.3)).largest_error
    assert 0.001 < error < 0.5
    assert make_plain_sum(make_contended_table(0.03)).largest_error < error


def test_a_table_that_was_never_fitted_is_written_as_it_is():
    table = make_table(intercept_ms=0.0, networks=())
    sums = make_plain_sum(table)
    assert all(ms == table.costs_ms[key] for costs in sums.costs_ms.values() for key, ms in costs.items())


def test_predictions_that_are_no_latencies_are_refused():
    with pytest.raises(InputError, match="predicts a latency of 0 or less"):
        make_plain_sum(make_table(intercept_ms=-1.0))
