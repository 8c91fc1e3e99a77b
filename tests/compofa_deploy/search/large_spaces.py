"""Small stand-ins for a table and a predictor of a supernet whose subnets are too many to list."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from compofa_deploy.accuracy.encoding import Encoding
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.search.predictor_gradients import PredictorGradients
from compofa_deploy.space.choice_arrays import SETTINGS, ChoiceArray, Space
from compofa_deploy.tables.coverage import list_needed
from latency_tables.cache_contention import CacheContention
from latency_tables.table import LatencyTable
from tests.support.supernets import TINY, make_table

ELASTIC = replace(TINY, name="tiny-elastic", elastic_kernel=True)
ENCODING = Encoding.of_resolutions(ELASTIC.resolutions)


def make_elastic_table(**changes: object) -> LatencyTable:
    """Every layer of the space ofa: some microseconds that grow with the MACs, and scatter."""
    rng = np.random.default_rng(5)
    costs = {
        key: 0.001 * rng.uniform(0.5, 1.5) + 1e-7 * layer.macs
        for resolution in ELASTIC.resolutions
        for key, (layer, _) in list_needed(ELASTIC, resolution, "ofa").items()
    }
    return make_table(ELASTIC, **{"costs_ms": costs, "layers_ms": costs, **changes})


def make_contended_table(strength: float = 0.3, **changes: object) -> LatencyTable:
    """A table whose networks take up to about ``strength`` more or less than the sum of their layers."""
    plain = make_elastic_table()
    weights = {
        key: 4 * layer.params
        for resolution in ELASTIC.resolutions
        for key, (layer, _) in list_needed(ELASTIC, resolution, "ofa").items()
    }
    # A subnet has a sixth of the layers, one setting of each block, and twice as much at most.
    typical = sum(weights.values()) / 6
    contention = CacheContention(strength / typical, typical, weights)
    return make_elastic_table(**{"cache_contention": contention, "layers_ms": plain.layers_ms, **changes})


def make_predictor(widths: tuple[int, ...] = (32, 16), seed: int = 0) -> AccuracyPredictor:
    """A perceptron of random weights, in which larger kernels, expand ratios and depths are worth a little more."""
    rng = np.random.default_rng(seed)
    sizes = (ENCODING.size, *widths, 1)
    weights = [
        rng.normal(0.1, (1 / inputs) ** 0.5, (outputs, inputs)).astype(np.float32)
        for inputs, outputs in pairwise(sizes)
    ]
    biases = [rng.normal(0, 0.1, size).astype(np.float32) for size in sizes[1:]]
    return AccuracyPredictor(ENCODING, Mlp(tuple(weights), tuple(biases)), 1.0, None, None, "a test")


def make_accuracies(**options: object) -> PredictedAccuracies:
    return PredictedAccuracies(make_predictor(**options), ELASTIC, "a test")


def make_gradients(**options: object) -> PredictorGradients:
    return PredictorGradients(make_predictor(**options), ELASTIC.resolutions)


def make_latency(space: Space, table: LatencyTable | None = None) -> AdditiveCosts:
    table = table or make_elastic_table()
    costs = AdditiveCosts.of(
        ELASTIC, space, ELASTIC.resolutions, lambda layer, _: table.layer_cost_ms(layer.key)
    )
    return replace(costs, fixed=costs.fixed + table.intercept_ms)


def narrow(space: Space, stages: tuple[int, ...], settings: tuple[tuple[int, int], ...]) -> Space:
    """A part of a space: two or three blocks of these settings in these stages, two of the last setting in others."""
    allowed = np.zeros_like(space.allowed)
    for stage in range(len(allowed)):
        for setting in settings if stage in stages else settings[-1:]:
            allowed[stage, : 2 if stage in stages else 1, SETTINGS.index(setting)] = True
    return Space("narrow", allowed & space.allowed)


def list_members(space: Space) -> ChoiceArray:
    """Every member of a space that is small enough."""
    stages = []
    for stage in range(5):
        codes = np.flatnonzero(space._members[stage])
        stages.append([[code // 10**i % 10 for i in (3, 2, 1, 0)] for code in codes.tolist()])
    grids = np.meshgrid(*(np.arange(len(stage)) for stage in stages), indexing="ij")
    parts = [np.array(stage)[grid.ravel()] for stage, grid in zip(stages, grids, strict=True)]
    return np.concatenate(parts, axis=1)
