"""Building a latency table from measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.fit import Array, fit_costs, leave_one_out, rank_correlation, relative_residuals
from latency_tables.machine import Conditions
from latency_tables.measurement import Measurement
from latency_tables.table import ErrorSummary, LatencyTable, MeasuredNetwork

MIN_NETWORKS = 3
"""Two fit a line; a third is needed to leave one out."""
SLOPE_SCALE = 0.5
BYTES_SCALE = 0.3
GROUP_SCALE = 0.1
INTERCEPT_SCALE = 0.3
"""How far calibration is expected to move from the sum of isolated layers: standard deviations of a normal prior,
relative to a network's latency."""
PERCENTILES = (50, 90, 95, 99)


def build_table(
    spec: DeviceSpec,
    architecture: Mapping[str, Any],
    kit_id: str,
    measurements: Sequence[Measurement],
    conditions: Sequence[Conditions],
) -> LatencyTable:
    """Calibrate isolated layers by whole networks.

    ``conditions`` were read before, during and after, at least once. :class:`InputError` where there are fewer
    than three networks, or a network has a layer that was not measured alone.
    """
    isolated = {m.item.layers[0]: m.latency_ms for m in measurements if m.item.kind == "layer"}
    networks = [m for m in measurements if m.item.kind == "network"]
    if len(networks) < MIN_NETWORKS:
        raise InputError(
            f"a latency table is calibrated by at least {MIN_NETWORKS} networks; got {len(networks)}"
        )
    keys = tuple(isolated)
    sizes = np.array([m.item.size_bytes for m in measurements if m.item.kind == "layer"], np.float64)
    counts = np.stack([_count_layers(keys, network) for network in networks])
    measured = np.array([network.latency_ms for network in networks])
    parts, prior, scales = make_parts(keys, np.array(list(isolated.values())), sizes, counts, measured)
    costs, intercept = fit_costs(parts, counts, measured, prior, scales)
    held_out = leave_one_out(parts, counts, measured, prior, scales)
    return LatencyTable(
        spec=spec,
        architecture=dict(architecture),
        kit_id=kit_id,
        created=conditions[-1].when,
        isolated_ms=isolated,
        costs_ms=dict(zip(keys, costs.tolist(), strict=True)),
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


def make_parts(
    keys: Sequence[str], isolated: Array, sizes: Array, counts: Array, measured: Array
) -> tuple[Array, Array, Array]:
    """What a layer's cost is made of, for :func:`fit_costs`, with the prior's means and standard deviations.

    Its isolated latency; its weights' bytes, since alone it keeps them in a cache that a whole network flows
    through; and its isolated latency once more for the group that it is of, since what is wrong with one layer of
    a stage is wrong with the others. ``isolated`` and ``sizes`` are (k,), ``counts`` (n, k), ``measured`` (n,).
    """
    groups = sorted({group_layer(key) for key in keys})
    member = np.array([[group_layer(key) == group for group in groups] for key in keys], np.float64)
    # In units of a typical network's latency, so that the prior means the same on every device.
    unit = float(np.median(measured))
    share = sizes / max(float(np.median(counts @ sizes)), 1.0) * unit
    parts = np.hstack([isolated[:, None], share[:, None], isolated[:, None] * member])
    prior = np.array([1.0, 0.0, *np.zeros(len(groups)), 0.0])
    scales = np.array([SLOPE_SCALE, BYTES_SCALE, *np.full(len(groups), GROUP_SCALE), INTERCEPT_SCALE * unit])
    return parts, prior, scales


def group_layer(key: str) -> str:
    """Layers of one kind and output width, whatever their size and place: mostly, the blocks of one stage.

    >>> group_layer("mbconv-16x56-24x28-m64-k3-s2-relu")
    'mbconv-24'
    """
    kind, *shapes = key.split("-")
    return f"{kind}-{shapes[1].split('x')[0]}" if len(shapes) > 1 else key


def summarise_error(predicted: Array, measured: Array, noise_floor: float) -> ErrorSummary:
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


def _count_layers(keys: Sequence[str], network: Measurement) -> Array:
    """How often a network runs each layer (k,)."""
    positions = {key: i for i, key in enumerate(keys)}
    counts = np.zeros(len(keys))
    for key in network.item.layers:
        if key not in positions:
            raise InputError(
                f"network {network.item.label} runs layer {key}, which was not measured alone; "
                "build the kit anew"
            )
        counts[positions[key]] += 1
    return counts
