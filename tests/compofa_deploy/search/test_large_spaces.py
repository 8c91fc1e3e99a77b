"""The results of the local search become candidates with the costs of their layers."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.accuracy.encoding import Encoding
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.search.constraints import MaxLatency
from compofa_deploy.search.large_spaces import find_candidates, pick_distinct
from compofa_deploy.search.select import best
from compofa_deploy.search.space_latency import list_latencies
from compofa_deploy.space.choice_arrays import SPACES
from compofa_deploy.space.layers import count_macs, list_layers
from latency_tables.errors import InfeasibleError, InputError, MismatchError
from tests.compofa_deploy.search.large_spaces import (
    ELASTIC,
    make_accuracies,
    make_elastic_table,
    make_predictor,
)
from tests.latency_tables.builders import SPEC

OFA = SPACES["ofa"]
FEW = 300


@pytest.fixture(scope="module")
def lowest_ms():
    latency = list_latencies(ELASTIC, make_elastic_table(), OFA, ELASTIC.resolutions)
    return float(latency.total(latency.find_cheapest(OFA), np.arange(2)).min())


def find(tables, limit_ms, **options):
    return find_candidates(OFA, make_accuracies(), tables, limit_ms, evaluations=FEW, **options)


def test_a_candidate_has_its_subnets_costs(lowest_ms):
    table = make_elastic_table()
    candidates, evaluations = find([table], 2 * lowest_ms)
    assert len(candidates) == 1
    assert FEW / 2 < evaluations <= FEW
    layers = list_layers(ELASTIC, candidates.subnet(0))
    assert candidates.latency_ms[0] == pytest.approx(table.predict_ms(layer.key for layer in layers))
    assert candidates.macs[0] == count_macs(layers)


@pytest.mark.parametrize("percentile", [50, 99])
@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_the_upper_end_of_the_interval_keeps_the_limit(lowest_ms, percentile, confidence):
    limit_ms = 2 * lowest_ms
    found, _ = find([make_elastic_table()], limit_ms, percentile=percentile, confidence=confidence)
    assert best(found, [MaxLatency(limit_ms)]) == 0
    assert found.latency_ms[0] * (1 + found.margin[0]) > 0.9 * limit_ms


def test_each_table_has_a_subnet_of_its_own(lowest_ms):
    slow = make_elastic_table(spec=replace(SPEC, precision="f16"), intercept_ms=0.5 * lowest_ms)
    candidates, _ = find([make_elastic_table(), slow], 2 * lowest_ms)
    assert {candidates.tables[i].spec.precision for i in candidates.table} == {"f32", "f16"}
    assert len({candidates.subnet(i) for i in range(len(candidates))}) == 2


def test_a_table_on_which_nothing_keeps_the_limit_is_left_out(lowest_ms):
    hopeless = make_elastic_table(spec=replace(SPEC, precision="f16"), intercept_ms=10.0)
    candidates, _ = find([hopeless, make_elastic_table()], 2 * lowest_ms)
    assert [table.spec.precision for table in candidates.tables] == ["f32"]
    with pytest.raises(InfeasibleError, match="no subnet of ofa has latency at most"):
        find([hopeless], 2 * lowest_ms)


def test_a_seed_finds_the_same_again(lowest_ms):
    first, again = (find([make_elastic_table()], 2 * lowest_ms, seed=3)[0].subnet(0) for _ in range(2))
    assert first == again


def test_without_a_limit_the_most_accurate_of_all_is_looked_for(lowest_ms):
    unlimited, _ = find([make_elastic_table()], float("inf"))
    limited, _ = find([make_elastic_table()], 1.5 * lowest_ms)
    assert unlimited.accuracy[0] > limited.accuracy[0]


def test_of_resolutions_that_the_predictor_does_not_tell_apart_the_lowest_is_searched():
    coarse = replace(make_predictor(), encoding=Encoding(16, 8, 2))
    accuracies = PredictedAccuracies(coarse, ELASTIC, "a test")
    assert pick_distinct(accuracies, [16, 20, 24, 28]) == [16, 24]
    assert pick_distinct(accuracies, [20, 28]) == [20, 28]


def test_a_supernet_of_fixed_kernels_has_no_such_subnets():
    fixed = replace(make_accuracies(), architecture=replace(ELASTIC, elastic_kernel=False))
    with pytest.raises(InputError, match="has fixed kernels, so its space is compofa alone"):
        find_candidates(OFA, fixed, [make_elastic_table()], 1.0)


def test_a_table_of_another_architecture_is_refused():
    other = replace(make_elastic_table(), architecture=replace(ELASTIC, name="other").to_dict())
    with pytest.raises(MismatchError, match="of another architecture than tiny-elastic"):
        find([other], 1.0)


def test_a_table_that_lacks_a_layer_names_it():
    table = make_elastic_table()
    key = next(key for key in table.costs_ms if "-k7-" in key)
    lacking = replace(table, costs_ms={k: v for k, v in table.costs_ms.items() if k != key})
    with pytest.raises(MismatchError, match=f"has no layer {key}"):
        find([lacking], 1.0)
