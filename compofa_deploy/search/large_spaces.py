"""Candidates from spaces that are too large to list, found by local search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.search.candidate_lists import list_from_csv, share_resolutions
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.local_search import EVALUATIONS, LocalOptimum, find_best
from compofa_deploy.search.predictor_gradients import PredictorGradients
from compofa_deploy.search.space_latency import list_latencies
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
    """Search a space once for each table, and return each best subnet as a candidate on all feasible tables.

    The upper end of the latency's interval keeps the limit.

    Args:
        space: The space.
        accuracies: The accuracy predictor of an architecture.
        tables: The latency tables, one for each device spec.
        limit_ms: The latency limit in ms.
        seed: The seed of the search.
        evaluations: The largest number of evaluations of the predictor for each table.
        percentile: The percentile of the latency.
        confidence: The confidence of the latency's interval.

    Returns:
        The candidates, and the number of evaluated subnets.

    Raises:
        InputError: The architecture has fixed kernels, so its only space is ``compofa``.
        InfeasibleError: No subnet keeps the limit on any table.
    """
    architecture = accuracies.architecture
    if not architecture.elastic_kernel:
        raise InputError(
            f"{architecture.name} has fixed kernels, so its space is compofa alone; leave --space out"
        )
    found: list[LocalOptimum] = []
    feasible: list[LatencyTable] = []
    infeasible: list[InfeasibleError] = []
    for table in tables:
        resolutions = pick_distinct(
            accuracies, share_resolutions(architecture, accuracies.resolutions, table)
        )
        latency = list_latencies(architecture, table, space, resolutions, percentile, confidence)
        gradients = PredictorGradients(accuracies.predictor, resolutions)
        rng = np.random.default_rng(seed)
        try:
            found.append(find_best(space, gradients, latency, limit_ms, rng, evaluations))
        except InfeasibleError as error:
            infeasible.append(error)
        else:
            feasible.append(table)
    if not found:
        raise infeasible[0]
    top1 = {best.subnet: best.accuracy for best in found}
    stated = StatedAccuracies(tuple(top1), np.array(list(top1.values())), accuracies.source)
    candidates = list_from_csv(architecture, stated, feasible, percentile, confidence)
    return candidates, sum(best.evaluations for best in found)


def pick_distinct(accuracies: PredictedAccuracies, resolutions: Sequence[int]) -> list[int]:
    """Return one resolution in pixels for each of the predictor's buckets of resolutions: the lowest."""
    places = accuracies.predictor.encoding
    lowest = {(r - places.first) // places.step: r for r in sorted(resolutions, reverse=True)}
    return sorted(lowest.values())
