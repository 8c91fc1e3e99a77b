"""Building a latency table: layers that were measured by themselves, calibrated by whole networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from latency_tables.cache_contention import CacheContention
from latency_tables.design import LayerTerms, PriorScales, count_layers, make_design
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.fit import Array, Design, fit_costs, leave_one_out, refuse_unfit, relative_residuals
from latency_tables.item import Item
from latency_tables.machine import Conditions
from latency_tables.measurement import Measurement
from latency_tables.network_statistics import (
    estimate_noise,
    find_percentile_ratios,
    list_networks,
    measure_noise,
    summarise_error,
)
from latency_tables.table import LatencyTable

MIN_NETWORKS = 3
"""Two networks fit a line; a third one is needed to leave one out."""
SCALES = PriorScales(slope=0.5, weight_bytes=0.3, group=0.1, layer=0.1, intercept=0.3, contention=0.3)
"""How far the calibration may move from the sum of the layers' latencies by themselves."""


@refuse_unfit()
def build_table(
    spec: DeviceSpec,
    architecture: Mapping[str, Any],
    kit_id: str,
    items: Sequence[Item],
    measurements: Sequence[Measurement],
    conditions: Sequence[Conditions],
) -> LatencyTable:
    """Build the latency table of a measured kit.

    Args:
        spec: The device spec.
        architecture: The architecture of the networks.
        kit_id: The kit's id.
        items: All items of the kit, measured or not.
        measurements: The measurements of layers and networks.
        conditions: The machine's conditions during the run, at least one.

    Raises:
        InputError: There are fewer than three networks, a network has a layer that nothing is known of, or the
            latencies cannot be fitted.
    """
    networks = [m for m in measurements if m.item.kind == "network"]
    if len(networks) < MIN_NETWORKS:
        raise InputError(
            f"a latency table is calibrated by at least {MIN_NETWORKS} networks; got {len(networks)}"
        )
    layers_ms = find_layers_ms(measurements)
    sizes = {item.layers[0]: item.size_bytes for item in items if item.kind == "layer"}
    sizes = {key: sizes.get(key, 0) for key in layers_ms}
    counts = np.stack([_count_layers(tuple(layers_ms), network) for network in networks])
    measured = np.array([network.latency_ms for network in networks])
    noise = estimate_noise(networks)
    costs, (intercept, contention) = fit_costs(design_calibration(layers_ms, sizes, counts, measured, noise))
    held_out = predict_left_out(measurements, layers_ms, sizes, counts, noise)
    typical = LayerTerms.of_isolated(layers_ms, sizes).find_typical_bytes(counts)
    return LatencyTable(
        spec=spec,
        architecture=dict(architecture),
        kit_id=kit_id,
        created=conditions[-1].when,
        layers_ms=layers_ms,
        costs_ms=dict(zip(layers_ms, costs.tolist())),
        intercept_ms=float(intercept),
        cache_contention=CacheContention(float(contention), typical, sizes),
        reference_ms=networks[0].reference_ms * networks[0].median_to_p20_ratio,
        resolutions=tuple(sorted({network.item.input_shape[-1] for network in networks})),
        error=summarise_error(held_out, measured, measure_noise(networks)),
        residuals=tuple(relative_residuals(held_out, measured).tolist()),
        percentile_ratios=find_percentile_ratios(networks),
        conditions=tuple(conditions),
        networks=list_networks(networks),
    )


def design_calibration(
    layers_ms: Mapping[str, float],
    sizes: Mapping[str, int],
    counts: Array,
    measured: Array,
    noise: float,
) -> Design:
    """The design of a table's calibration.

    Args:
        layers_ms: The latency of each of k layers by itself in ms, by its key.
        sizes: The bytes of weights of each layer, by its key.
        counts: The number of times that each of n networks runs each layer (n, k).
        measured: The latency of each network in ms (n,).
        noise: The relative standard deviation of a measured latency.
    """
    terms = LayerTerms.of_isolated(layers_ms, sizes)
    return make_design(terms, counts, measured, terms.find_typical_bytes(counts), SCALES, noise=noise)


def predict_left_out(
    measurements: Sequence[Measurement],
    layers_ms: Mapping[str, float],
    sizes: Mapping[str, int],
    counts: Array,
    noise: float,
) -> Array:
    """The prediction of each network in ms (n,) by a table that is built without it.

    Neither the network's latency nor its layers' latencies within it are used. A layer that no other network has keeps
    its latency in ``layers_ms``.

    Args:
        measurements: The measurements of layers and networks.
        layers_ms: The latency of each of k layers by itself in ms, from all networks.
        sizes: The bytes of weights of each layer.
        counts: The number of times that each network runs each layer (n, k).
        noise: The relative standard deviation of a measured latency.
    """
    networks = [m for m in measurements if m.item.kind == "network"]
    measured = np.array([network.latency_ms for network in networks])
    designs = []
    for left_out in networks:
        others = find_layers_ms([m for m in measurements if m is not left_out])
        designs.append(design_calibration({**layers_ms, **others}, sizes, counts, measured, noise))
    return leave_one_out(designs)


def find_layers_ms(measurements: Sequence[Measurement]) -> dict[str, float]:
    """The latency of each layer in ms, by its key.

    It is the mean over the networks within which the runtime told it. Where none did, it is the latency of the layer
    that was measured alone.
    """
    alone = {m.item.layers[0]: m.latency_ms for m in measurements if m.item.kind == "layer"}
    seen: dict[str, list[float]] = {}
    for network in (m for m in measurements if m.item.kind == "network"):
        # A network whose layers were not told has no times to pair.
        for key, ms in zip(network.item.layers, network.layers_ms()):
            seen.setdefault(key, []).append(float(ms))
    return {**alone, **{key: float(np.mean(found)) for key, found in seen.items()}}


def _count_layers(keys: Sequence[str], network: Measurement) -> Array:
    """The number of times that a network runs each layer (k,)."""
    try:
        return count_layers(keys, network.item.layers)
    except KeyError as error:
        raise InputError(
            f"network {network.item.label} runs layer {error.args[0]}, of which nothing was measured; build the kit "
            "anew"
        ) from None
