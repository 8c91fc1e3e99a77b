"""Building a latency table from measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from latency_tables.cache_contention import CacheContention
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.fit import (
    RELATIVE_NOISE,
    Array,
    Design,
    fit_costs,
    leave_one_out,
    rank_correlation,
    relative_residuals,
)
from latency_tables.item import Item
from latency_tables.machine import Conditions
from latency_tables.measurement import Measurement
from latency_tables.table import ErrorSummary, LatencyTable, MeasuredNetwork

MIN_NETWORKS = 3
"""Two fit a line; a third is needed to leave one out."""
SLOPE_SCALE = 0.5
BYTES_SCALE = 0.3
GROUP_SCALE = 0.1
LAYER_SCALE = 0.1
INTERCEPT_SCALE = 0.3
CONTENTION_SCALE = 0.3
"""How far calibration is expected to move from the sum of what the layers take by themselves: standard deviations of a
normal prior, relative to a typical network's latency."""
LEAST_NOISE = 0.003
"""What a network's latency is off by at least, relative, however alike its sessions are: no two networks' weights lie
alike in memory."""
MEDIAN_ERROR = 1.2533
"""The standard error of a median beside that of a mean, for normally distributed values."""
PERCENTILES = (50, 90, 95, 99)


def build_table(
    spec: DeviceSpec,
    architecture: Mapping[str, Any],
    kit_id: str,
    items: Sequence[Item],
    measurements: Sequence[Measurement],
    conditions: Sequence[Conditions],
) -> LatencyTable:
    """Calibrate what layers take by themselves by whole networks.

    ``items`` are the kit's, measured or not; ``conditions`` were read before, during and after, at least once.
    :class:`InputError` where there are fewer than three networks, or a network has a layer of which nothing is known.
    """
    networks = [m for m in measurements if m.item.kind == "network"]
    if len(networks) < MIN_NETWORKS:
        raise InputError(
            f"a latency table is calibrated by at least {MIN_NETWORKS} networks; got {len(networks)}"
        )
    layers_ms = find_layers_ms(measurements)
    sizes = {item.layers[0]: item.size_bytes for item in items if item.kind == "layer"}
    sizes = {key: sizes.get(key, 0) for key in layers_ms}
    keys = tuple(layers_ms)
    counts = np.stack([_count_layers(keys, network) for network in networks])
    measured = np.array([network.latency_ms for network in networks])
    noise = estimate_noise(networks)
    design, contention = make_design(layers_ms, sizes, counts, measured, noise)
    costs, (intercept, contended) = fit_costs(design)
    held_out = predict_left_out(measurements, layers_ms, sizes, counts, noise)
    return LatencyTable(
        spec=spec,
        architecture=dict(architecture),
        kit_id=kit_id,
        created=conditions[-1].when,
        layers_ms=layers_ms,
        costs_ms=dict(zip(keys, costs.tolist())),
        intercept_ms=float(intercept),
        cache_contention=replace(contention, per_byte=float(contended)),
        reference_ms=networks[0].reference_ms * networks[0].median_to_p20_ratio,
        resolutions=tuple(sorted({network.item.input_shape[-1] for network in networks})),
        error=summarise_error(held_out, measured, measure_noise(networks)),
        residuals=tuple(relative_residuals(held_out, measured).tolist()),
        percentile_ratios=find_percentile_ratios(networks),
        conditions=tuple(conditions),
        networks=list_networks(networks),
    )


def predict_left_out(
    measurements: Sequence[Measurement],
    layers_ms: Mapping[str, float],
    sizes: Mapping[str, int],
    counts: Array,
    noise: float,
) -> Array:
    """What each network (n,) would be predicted to take by a table made without it: neither its latency nor what its
    layers took within it counts. A layer that no other has is taken from all of them, ``layers_ms``. ``noise`` is as of
    :func:`make_design`."""
    networks = [m for m in measurements if m.item.kind == "network"]
    measured = np.array([network.latency_ms for network in networks])
    designs = []
    for left_out in networks:
        others = find_layers_ms([m for m in measurements if m is not left_out])
        designs.append(make_design({**layers_ms, **others}, sizes, counts, measured, noise)[0])
    return leave_one_out(designs)


def find_layers_ms(measurements: Sequence[Measurement]) -> dict[str, float]:
    """What each layer takes by itself: within networks, on average over those that were looked into, or else alone."""
    alone = {m.item.layers[0]: m.latency_ms for m in measurements if m.item.kind == "layer"}
    seen: dict[str, list[float]] = {}
    for network in (m for m in measurements if m.item.kind == "network"):
        # Those that were not looked into have no times to pair.
        for key, ms in zip(network.item.layers, network.layers_ms()):
            seen.setdefault(key, []).append(float(ms))
    return {**alone, **{key: float(np.mean(found)) for key, found in seen.items()}}


def make_design(
    layers_ms: Mapping[str, float],
    sizes: Mapping[str, int],
    counts: Array,
    measured: Array,
    noise: float = RELATIVE_NOISE,
) -> tuple[Design, CacheContention]:
    """What a network's latency is made of, for :func:`fit_costs`, and the contention whose coefficient is its last.

    A layer's cost: what it takes by itself; its weights' bytes, since alone it keeps them in a cache that a whole
    network flows through; what it takes by itself once more for the group that it is of, since what is wrong with one
    layer of a stage is wrong with the others; and once more for itself, since a runtime may have a way of its own for
    one size. A network's as a whole: an intercept, and contention. ``layers_ms`` and ``sizes`` in bytes are of the same
    k layers in the same order, ``counts`` is (n, k), ``measured`` (n,) and off by ``noise``, relative.
    """
    keys, by_itself = tuple(layers_ms), np.array(list(layers_ms.values()))
    weights = np.array(list(sizes.values()), np.float64)
    groups = sorted({group_layer(key) for key in keys})
    member = np.array([[group_layer(key) == group for group in groups] for key in keys], np.float64)
    # In units of a typical network's latency, so that the prior means the same on every device.
    unit = float(np.median(measured))
    totals_ms, totals = counts @ by_itself, counts @ weights
    typical = max(float(np.median(totals)), 1.0)
    columns = (by_itself[:, None], weights[:, None] / typical * unit, by_itself[:, None] * member)
    parts = np.hstack([*columns, np.diag(by_itself)])
    contended = totals_ms * (totals - typical)
    whole = np.stack([np.ones(len(measured)), contended], axis=1)
    prior = np.array([1.0, *np.zeros(1 + len(groups) + len(keys) + 2)])
    scales = [SLOPE_SCALE, BYTES_SCALE, *np.full(len(groups), GROUP_SCALE), *np.full(len(keys), LAYER_SCALE)]
    scales += [INTERCEPT_SCALE * unit, CONTENTION_SCALE * unit / (float(np.median(totals_ms)) * typical)]
    design = Design(parts, counts, whole, measured, prior, np.array(scales), noise)
    return design, CacheContention(typical_bytes=typical, weight_bytes=dict(sizes))


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


def find_percentile_ratios(networks: Sequence[Measurement]) -> dict[str, float]:
    """Percentiles over the median, by their names: what is typical of these networks."""
    return {
        str(p): float(np.median([network.percentile(p) / network.percentile(50) for network in networks]))
        for p in PERCENTILES
    }


def list_networks(networks: Sequence[Measurement]) -> tuple[MeasuredNetwork, ...]:
    """What a table keeps of the networks that calibrate it."""
    return tuple(MeasuredNetwork(m.item.label, m.item.layers, m.latency_ms, m.doubts) for m in networks)


def measure_noise(networks: Sequence[Measurement]) -> float:
    """How far two sessions of one network lie apart, relative, on average over pairs; 0 without a pair."""
    apart = [
        abs(first - second) / network.latency_ms
        for network in networks
        for first, second in combinations(network.session_levels_ms, 2)
    ]
    return float(np.mean(apart)) if apart else 0.0


def estimate_noise(networks: Sequence[Measurement]) -> float:
    """What a network's latency is expected to be off by, relative: the standard error of the median over its sessions,
    as is typical of these networks."""
    spreads = [
        float(np.std(np.log(levels), ddof=1)) / math.sqrt(len(levels))
        for levels in (network.session_levels_ms for network in networks)
        if len(levels) > 1
    ]
    return max(LEAST_NOISE, MEDIAN_ERROR * float(np.median(spreads))) if spreads else RELATIVE_NOISE


def _count_layers(keys: Sequence[str], network: Measurement) -> Array:
    """How often a network runs each layer (k,)."""
    positions = {key: i for i, key in enumerate(keys)}
    counts = np.zeros(len(keys))
    for key in network.item.layers:
        if key not in positions:
            raise InputError(
                f"network {network.item.label} runs layer {key}, of which nothing was measured; build the kit anew"
            )
        counts[positions[key]] += 1
    return counts
