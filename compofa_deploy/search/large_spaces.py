"""Candidates from spaces that are too large to list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.search.candidates import Candidates, list_stated, share_resolutions
from compofa_deploy.search.local_search import EVALUATIONS, Found, find_best
from compofa_deploy.search.predictor_gradients import Landscape
from compofa_deploy.space.choice_arrays import Space
from latency_tables.errors import InfeasibleError, InputError
from latency_tables.table import LatencyTable


def find_candidates(
    space: Space,
    accuracies: PredictedAccuracies,
    tables: Sequence[LatencyTable],
    limit_ms: float,
    seed: int = 0,
    evaluations: int = EVALUATIONS,
    percentile: int = 50,
    confidence: float = 0.9,
) -> tuple[Candidates, int]:
    """The best subnet that is found for each table, as candidates on all that have one, and how many were evaluated.

    The upper end of the interval of ``confidence`` around the latency of ``percentile`` keeps the limit.
    :class:`InputError` where the architecture has fixed kernels, which no space but ``compofa`` is of;
    :class:`InfeasibleError` where no subnet keeps the limit on any table.
    """
    architecture = accuracies.architecture
    if not architecture.elastic_kernel:
        raise InputError(
            f"{architecture.name} has fixed kernels, so its space is compofa alone; leave --space out"
        )
    found: list[Found] = []
    feasible: list[LatencyTable] = []
    infeasible: list[InfeasibleError] = []
    for table in tables:
        resolutions = tell_apart(accuracies, share_resolutions(architecture, accuracies.resolutions, table))
        latency = list_latencies(accuracies, table, space, resolutions, percentile, confidence)
        landscape = Landscape(accuracies.predictor, resolutions)
        rng = np.random.default_rng(seed)
        try:
            found.append(find_best(space, landscape, latency, limit_ms, rng, evaluations))
        except InfeasibleError as error:
            infeasible.append(error)
        else:
            feasible.append(table)
    if not found:
        raise infeasible[0]
    top1 = {best.subnet: best.accuracy for best in found}
    stated = StatedAccuracies(tuple(top1), np.array(list(top1.values())), accuracies.source)
    candidates = list_stated(architecture, stated, feasible, percentile, confidence)
    return candidates, sum(best.evaluations for best in found)


def list_latencies(
    accuracies: PredictedAccuracies,
    table: LatencyTable,
    space: Space,
    resolutions: Sequence[int],
    percentile: int = 50,
    confidence: float = 0.9,
) -> AdditiveCosts:
    """The upper end of the interval around every subnet's latency, which is a sum over its layers as well."""
    scale = table.percentile_ratio(percentile) * (1 + (table.margin(confidence) if table.states_error else 0))
    at = {resolution: table.at(resolution) for resolution in resolutions}
    costs = AdditiveCosts.of(
        accuracies.architecture, space, resolutions, lambda layer, r: at[r].layer_cost_ms(layer.key)
    )
    return AdditiveCosts(costs.resolutions, scale * (costs.fixed + table.intercept_ms), scale * costs.blocks)


def tell_apart(accuracies: PredictedAccuracies, resolutions: Sequence[int]) -> list[int]:
    """The resolutions that the predictor tells apart; of those that it does not, the lowest."""
    places = accuracies.predictor.encoding
    lowest = {(r - places.first) // places.step: r for r in sorted(resolutions, reverse=True)}
    return sorted(lowest.values())
