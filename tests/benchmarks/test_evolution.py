"""The baseline searches the space it is told, under the limit, and our local search is not worse."""

import numpy as np
import pytest

from benchmarks import evolution
from benchmarks.evolution import Evolution
from compofa_deploy.search.local_search import find_best
from compofa_deploy.space.choice_arrays import SPACES
from tests.compofa_deploy.search.large_spaces import make_gradients, make_latency, make_predictor
from tests.support.subnets import to_choices

OFA = SPACES["ofa"]


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(evolution, "GENERATIONS", 40)


def limit_of(share):
    latency = make_latency(OFA)
    latencies = latency.total(OFA.sample(np.random.default_rng(0), 500), np.zeros(500, int))
    return float(np.quantile(latencies, share))


def evolve(limit_ms, seed=0, compound=False):
    return Evolution(make_predictor(), make_latency(OFA), limit_ms, compound, seed).run()


@pytest.mark.parametrize("compound", [False, True])
def test_what_it_finds_keeps_the_limit_and_has_the_accuracy_that_is_predicted(compound):
    limit_ms = limit_of(0.3)
    subnet, accuracy = evolve(limit_ms, compound=compound)
    assert subnet.is_compound == compound
    at = np.array([[16, 20].index(subnet.resolution)])
    assert make_latency(OFA).total(to_choices(subnet)[None], at)[0] <= limit_ms * (1 + 1e-12)
    assert accuracy == pytest.approx(make_predictor().predict_subnets([subnet])[0], rel=1e-6)


def test_the_same_seed_finds_the_same():
    assert evolve(limit_of(0.3), seed=1) == evolve(limit_of(0.3), seed=1)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("seed", [0, 1])
def test_our_local_search_is_not_worse(share, seed):
    limit_ms = limit_of(share)
    ours = find_best(OFA, make_gradients(), make_latency(OFA), limit_ms, np.random.default_rng(seed))
    assert ours.accuracy >= evolve(limit_ms, seed)[1]
