"""Recalibration: an old table brought up to date, or taken to a sibling device, by a few networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latency_tables.build import (
    MIN_NETWORKS,
    find_percentile_ratios,
    group_layer,
    list_networks,
    measure_noise,
    summarise_error,
)
from latency_tables.cache_contention import CacheContention
from latency_tables.errors import InputError
from latency_tables.fit import (
    RELATIVE_NOISE,
    Array,
    Design,
    fit_costs,
    leave_one_out,
    relative_residuals,
)
from latency_tables.measured_kit import MeasuredKit
from latency_tables.table import LatencyTable

MAX_NETWORKS = 10
SLOPE_SCALE = 0.3
BYTES_SCALE = 0.1
GROUP_SCALE = 0.05
INTERCEPT_SCALE = 0.3
CONTENTION_SCALE = 0.1
"""How far the new device spec is expected to be from the old table, once both are equally fast on the whole: standard
deviations of a normal prior, relative to a typical network's latency. Ten networks cannot tell twenty coefficients from
each other, so what the old table knows of how layers compare is left mostly as it is."""


@dataclass(frozen=True)
class Run:
    """The layers that a network runs, by their keys, and the resolution at which it does."""

    resolution: int
    layers: tuple[str, ...]


def choose_runs(old: LatencyTable, runs: Sequence[Run], count: int) -> list[int]:
    """The indices of the networks that tell most of what the old table may be wrong in, the most telling first.

    One by one, that whose latency is the least certain, relative to itself, when those before it are known: the greedy
    way to a Bayesian D-optimal design (Chaloner and Verdinelli, 1995) of the very coefficients that are fitted. It
    spreads over stages, sizes and resolutions, since each of them is a coefficient or moves one. :class:`InputError`
    for a count that cannot be.
    """
    largest = min(MAX_NETWORKS, len(runs))
    if not MIN_NETWORKS <= count <= largest:
        raise InputError(
            f"a table is recalibrated by {MIN_NETWORKS} to {largest} networks; {count} were asked for"
        )
    design = make_design(old, runs)
    rows = np.hstack([design.counts @ design.parts, design.whole]) / design.measured[:, None] * design.scales
    covariance = np.eye(rows.shape[1])
    chosen: list[int] = []
    for _ in range(count):
        spread = rows @ covariance
        variances = (spread * rows).sum(axis=1)
        variances[chosen] = -1
        best = int(np.argmax(variances))
        chosen.append(best)
        gain = spread[best]
        covariance -= np.outer(gain, gain) / (RELATIVE_NOISE**2 + variances[best])
    return chosen


def recalibrate(old: LatencyTable, resolutions: Sequence[int], measured: MeasuredKit) -> LatencyTable:
    """The table of the measured device spec, at some of the old one's resolutions: its residuals are of the few
    networks, left out one by one.

    :class:`MismatchError` where the old table lacks a layer, or the device was emulated; :class:`InputError` where
    there are fewer than three networks.
    """
    measured.check_real()
    networks = measured.measurements
    if len(networks) < MIN_NETWORKS:
        raise InputError(f"a table is recalibrated by at least {MIN_NETWORKS} networks; got {len(networks)}")
    runs = [Run(network.item.input_shape[-1], network.item.layers) for network in networks]
    taken = np.array([network.latency_ms for network in networks])
    scaled = scale_table(old, float(np.median(taken / _predict(old, runs))))
    design = replace(make_design(scaled, runs), measured=taken)
    costs, (intercept, contended) = fit_costs(design)
    held_out = leave_one_out([design] * len(design.measured))
    by_row = dict(zip(_list_rows(scaled), costs.tolist()))
    contends = bool(old.cache_contention.weight_bytes)
    return replace(
        scaled,
        spec=measured.spec,
        kit_id=measured.kit_id,
        created=measured.conditions[-1].when,
        costs_ms={key: by_row[None, key] for key in old.costs_ms},
        intercept_ms=float(intercept),
        resolutions=tuple(sorted(resolutions)),
        error=summarise_error(held_out, taken, measure_noise(networks)),
        residuals=tuple(relative_residuals(held_out, taken).tolist()),
        percentile_ratios=find_percentile_ratios(networks),
        conditions=measured.conditions,
        networks=list_networks(networks),
        validation=None,
        cache_contention=replace(old.cache_contention, per_byte=float(contended))
        if contends
        else CacheContention(),
        reference_ms=networks[0].reference_ms * networks[0].median_to_p20_ratio,
        costs_at={
            r: {key: by_row[r, key] for key in old.costs_at[r]} for r in old.costs_at if r in resolutions
        },
        origin="",
        recalibrated_from=f"{old.source}, of {old.spec.describe()}, made {old.created[:10]}",
    )


def scale_table(table: LatencyTable, factor: float) -> LatencyTable:
    """The table of a device on which everything takes ``factor`` as long."""

    def scale(latencies: dict[str, float]) -> dict[str, float]:
        return {key: ms * factor for key, ms in latencies.items()}

    return replace(
        table,
        layers_ms=scale(table.layers_ms),
        costs_ms=scale(table.costs_ms),
        intercept_ms=table.intercept_ms * factor,
        costs_at={resolution: scale(costs) for resolution, costs in table.costs_at.items()},
    )


def make_design(old: LatencyTable, runs: Sequence[Run]) -> Design:
    """What the latencies of networks (n,) are made of, for :func:`fit_costs`, with what the old table predicts in
    place of what is measured.

    A layer's cost: the old one; its weights' bytes, since caches differ; and the old one once more for the group that
    it is of. A network's as a whole: an intercept, and contention. Without a correction it is the old table itself.
    """
    predicted = _predict(old, runs)
    rows = _list_rows(old)
    places = {row: place for place, row in enumerate(rows)}
    counts = np.zeros((len(runs), len(rows)))
    for number, run in enumerate(runs):
        for key in run.layers:
            counts[number, places[run.resolution if (run.resolution, key) in places else None, key]] += 1
    unit = float(np.median(predicted))
    costs = np.array([old.costs_ms[key] if r is None else old.costs_at[r][key] for r, key in rows])
    alone = np.array([old.layers_ms[key] if r is None else old.costs_at[r][key] for r, key in rows])
    weights = np.array([old.cache_contention.weight_bytes.get(key, 0) for _, key in rows], np.float64)
    groups = sorted({group_layer(key) for _, key in rows})
    member = np.array([[group_layer(key) == group for group in groups] for _, key in rows], np.float64)
    typical = max(old.cache_contention.typical_bytes, 1.0)
    parts = np.hstack([costs[:, None], weights[:, None] / typical * unit, costs[:, None] * member])
    totals_ms = counts @ alone
    # Where nobody said how large the weights are, nothing contends.
    contended = totals_ms * (counts @ weights - typical) if weights.any() else np.zeros(len(runs))
    whole = np.stack([np.ones(len(runs)), contended], axis=1)
    prior = np.array([1.0, 0.0, *np.zeros(len(groups)), old.intercept_ms, old.cache_contention.per_byte])
    scales = [SLOPE_SCALE, BYTES_SCALE, *np.full(len(groups), GROUP_SCALE), INTERCEPT_SCALE * unit]
    scales.append(CONTENTION_SCALE * unit / (float(np.median(totals_ms)) * typical))
    return Design(parts, counts, whole, predicted, prior, np.array(scales))


def _list_rows(table: LatencyTable) -> list[tuple[int | None, str]]:
    """Every cost of a table: of a layer at any resolution, and of one at a resolution of its own."""
    own = [(resolution, key) for resolution, costs in table.costs_at.items() for key in costs]
    return [*((None, key) for key in table.costs_ms), *own]


def _predict(table: LatencyTable, runs: Sequence[Run]) -> Array:
    at = {resolution: table.at(resolution) for resolution in {run.resolution for run in runs}}
    predicted = np.array([at[run.resolution].predict_ms(run.layers) for run in runs])
    if predicted.min() <= 0:
        raise InputError(
            f"{table.source} predicts {predicted.min():g} ms for a network, and nothing is that fast; profile without "
            "it"
        )
    return predicted
