"""Recalibration: a few measured networks bring an old table up to date, or adapt it to a similar device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latency_tables.build import MIN_NETWORKS
from latency_tables.cache_contention import CacheContention
from latency_tables.design import LayerTerms, PriorMeans, PriorScales, make_design
from latency_tables.errors import InputError
from latency_tables.fit import (
    RELATIVE_NOISE,
    Array,
    Design,
    fit_costs,
    leave_one_out,
    refuse_unfit,
    relative_residuals,
)
from latency_tables.measured_kit import MeasuredKit
from latency_tables.network_statistics import (
    find_percentile_ratios,
    list_networks,
    measure_noise,
    summarise_error,
)
from latency_tables.table import LatencyTable

MAX_NETWORKS = 10
SCALES = PriorScales(slope=0.3, weight_bytes=0.1, group=0.05, layer=0.0, intercept=0.3, contention=0.1)
"""How far the new device spec may be from the old table, once both are equally fast on the whole.

Ten networks cannot tell twenty coefficients from each other, so the ratios between layers stay near the old table's."""


@dataclass(frozen=True)
class Run:
    """The resolution of a network in pixels, and the keys of its layers."""

    resolution: int
    layers: tuple[str, ...]


@refuse_unfit()
def choose_runs(old: LatencyTable, runs: Sequence[Run], count: int) -> list[int]:
    """Choose the networks that are most informative about errors of the old table.

    Each step takes the network whose relative latency is the least certain once the networks before it are known. This
    is the greedy way to a Bayesian D-optimal design (Chaloner and Verdinelli, 1995) of the fitted coefficients. The
    choice spreads over stages, sizes and resolutions, since each of them has a coefficient or moves one.

    Args:
        old: The old table.
        runs: The networks to choose from.
        count: The number of networks to choose.

    Returns:
        Indices of ``runs``, the most informative first.

    Raises:
        InputError: The count is too small, or larger than the number of networks or ``MAX_NETWORKS``.
    """
    largest = min(MAX_NETWORKS, len(runs))
    if not MIN_NETWORKS <= count <= largest:
        raise InputError(
            f"a table is recalibrated by {MIN_NETWORKS} to {largest} networks; {count} were asked for"
        )
    design = design_recalibration(old, runs)
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


@refuse_unfit()
def recalibrate(old: LatencyTable, resolutions: Sequence[int], measured: MeasuredKit) -> LatencyTable:
    """Recalibrate an old table by a few measured networks.

    Args:
        old: The old table.
        resolutions: The resolutions of the new table, some of the old one's.
        measured: The measured networks.

    Returns:
        The table of the measured device spec. Its residuals are those of the networks, left out one by one.

    Raises:
        MismatchError: The old table lacks a layer, or the device was emulated.
        InputError: There are fewer than three networks, or the latencies cannot be fitted.
    """
    measured.check_real()
    networks = measured.measurements
    if len(networks) < MIN_NETWORKS:
        raise InputError(f"a table is recalibrated by at least {MIN_NETWORKS} networks; got {len(networks)}")
    runs = [Run(network.item.input_shape[-1], network.item.layers) for network in networks]
    taken = np.array([network.latency_ms for network in networks])
    scaled = scale_table(old, float(np.median(taken / _predict(old, runs))))
    design = replace(design_recalibration(scaled, runs), measured=taken)
    costs, (intercept, contention) = fit_costs(design)
    held_out = leave_one_out([design] * len(design.measured))
    by_row = dict(zip(_list_rows(scaled), costs.tolist()))
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
        cache_contention=replace(old.cache_contention, per_byte=float(contention))
        if old.cache_contention.weight_bytes
        else CacheContention(),
        reference_ms=networks[0].reference_ms * networks[0].median_to_p20_ratio,
        costs_at={
            r: {key: by_row[r, key] for key in old.costs_at[r]} for r in old.costs_at if r in resolutions
        },
        origin="",
        recalibrated_from=f"{old.source}, of {old.spec.describe()}, made {old.created[:10]}",
    )


def scale_table(table: LatencyTable, factor: float) -> LatencyTable:
    """The table with every latency multiplied by ``factor``."""

    def scale(latencies: dict[str, float]) -> dict[str, float]:
        return {key: ms * factor for key, ms in latencies.items()}

    return replace(
        table,
        layers_ms=scale(table.layers_ms),
        costs_ms=scale(table.costs_ms),
        intercept_ms=table.intercept_ms * factor,
        costs_at={resolution: scale(costs) for resolution, costs in table.costs_at.items()},
    )


def design_recalibration(old: LatencyTable, runs: Sequence[Run]) -> Design:
    """The design of a recalibration; without a correction, its prediction is the old table's.

    Args:
        old: The old table.
        runs: The networks, n of them. In place of their measured latencies, the design has the old table's predictions.
    """
    predicted = _predict(old, runs)
    rows = _list_rows(old)
    places = {row: place for place, row in enumerate(rows)}
    counts = np.zeros((len(runs), len(rows)))
    for number, run in enumerate(runs):
        for key in run.layers:
            counts[number, places[run.resolution if (run.resolution, key) in places else None, key]] += 1
    contention = old.cache_contention
    terms = LayerTerms(
        keys=tuple(key for _, key in rows),
        costs_ms=np.array([old.costs_ms[key] if r is None else old.costs_at[r][key] for r, key in rows]),
        isolated_ms=np.array([old.layers_ms[key] if r is None else old.costs_at[r][key] for r, key in rows]),
        weight_bytes=np.array([contention.weight_bytes.get(key, 0) for _, key in rows], np.float64),
    )
    means = PriorMeans(old.intercept_ms, contention.per_byte)
    typical = max(contention.typical_bytes, 1.0)
    return make_design(terms, counts, predicted, typical, SCALES, means)


def _list_rows(table: LatencyTable) -> list[tuple[int | None, str]]:
    """The resolution and key of every cost of a table; the resolution is ``None`` where a cost holds at all."""
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
