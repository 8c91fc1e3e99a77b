"""Building a latency table from measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.fit import fit_affine, leave_one_out, rank_correlation, relative_residuals
from latency_tables.machine import Conditions
from latency_tables.measurement import Measurement
from latency_tables.table import ErrorSummary, LatencyTable, MeasuredNetwork

MIN_NETWORKS = 3
"""Two fit a line; a third is needed to leave one out."""
PERCENTILES = (50, 90, 95, 99)


def build_table(
    spec: DeviceSpec,
    architecture: Mapping[str, Any],
    kit_id: str,
    measurements: Sequence[Measurement],
    conditions: Sequence[Conditions],
) -> LatencyTable:
    """Calibrate isolated layers by whole networks: ``slope * sum of layers + intercept``.

    ``conditions`` were read before, during and after, at least once. :class:`InputError` where there are fewer
    than three networks, or a network has a layer that was not measured alone.
    """
    isolated = {m.item.layers[0]: m.latency_ms for m in measurements if m.item.kind == "layer"}
    networks = [m for m in measurements if m.item.kind == "network"]
    if len(networks) < MIN_NETWORKS:
        raise InputError(
            f"a latency table is calibrated by at least {MIN_NETWORKS} networks; got {len(networks)}"
        )
    sums = np.array([_sum_layers(isolated, network) for network in networks])
    measured = np.array([network.latency_ms for network in networks])
    slope, intercept = fit_affine(sums, measured)
    held_out = leave_one_out(sums, measured)
    return LatencyTable(
        spec=spec,
        architecture=dict(architecture),
        kit_id=kit_id,
        created=conditions[-1].when,
        isolated_ms=isolated,
        costs_ms={key: slope * ms for key, ms in isolated.items()},
        intercept_ms=intercept,
        resolutions=tuple(sorted({network.item.input_shape[-1] for network in networks})),
        error=summarise_error(held_out, measured, measure_noise(networks)),
        residuals=tuple(relative_residuals(held_out, measured).tolist()),
        percentile_ratios={
            str(p): float(np.median([network.percentile(p) / network.percentile(50) for network in networks]))
            for p in PERCENTILES
        },
        conditions=tuple(conditions),
        networks=tuple(
            MeasuredNetwork(m.item.label, m.item.layers, m.latency_ms, m.doubts) for m in networks
        ),
    )


def summarise_error(
    predicted: np.ndarray[Any, np.dtype[np.float64]],
    measured: np.ndarray[Any, np.dtype[np.float64]],
    noise_floor: float,
) -> ErrorSummary:
    """The error of predictions (n,) against measured latencies (n,), relative to what was measured."""
    relative = np.abs(predicted / measured - 1)
    return ErrorSummary(
        mape=float(relative.mean()),
        within_5=float((relative <= 0.05).mean()),
        within_10=float((relative <= 0.10).mean()),
        rank_correlation=rank_correlation(predicted, measured),
        n=len(measured),
        noise_floor=noise_floor,
    )


def measure_noise(networks: Sequence[Measurement]) -> float:
    """How far two sessions of one network lie apart, relative, on average over pairs; 0 without a pair."""
    apart = [
        abs(first - second) / network.latency_ms
        for network in networks
        for first, second in combinations(network.session_medians_ms, 2)
    ]
    return float(np.mean(apart)) if apart else 0.0


def _sum_layers(isolated: Mapping[str, float], network: Measurement) -> float:
    missing = [key for key in network.item.layers if key not in isolated]
    if missing:
        raise InputError(
            f"network {network.item.label} runs layer {missing[0]}, which was not measured alone; "
            "build the kit anew"
        )
    return sum(isolated[key] for key in network.item.layers)
