"""Plausibility of an imported table: the latencies of its networks, and signs of wrong units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS, count_macs, list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.coverage import list_needed, widest_space
from latency_tables.layer import Layer
from latency_tables.table import LatencyTable

FASTEST_MACS_PER_MS = 5e9
"""No device runs networks of this kind at one image faster: a data centre's GPU does some 1e12 a second."""

SLOWEST_MACS_PER_MS = 2e5
"""A microcontroller does more than 2e8 multiply-accumulates a second."""

LARGEST_SHARE = 0.5
"""The largest share of the largest network's latency that one layer may take without a warning."""

LARGEST_OUTLIER = 50.0
"""The largest factor by which a block's time for each multiply-accumulate may differ from the median of all blocks."""

NOTICEABLE_RATIO = 2.0
"""Two resolutions' values for one layer that differ by more than this factor are named."""


@dataclass(frozen=True, slots=True)
class Plausibility:
    """The predictions of a table for its networks, with reasons to doubt them.

    Attributes:
        smallest: The fastest compound subnet.
        smallest_ms: Its latency in ms.
        largest: The slowest compound subnet.
        largest_ms: Its latency in ms.
        slowest_layer: The key of the layer with the largest cost.
        slowest_layer_ms: Its cost in ms.
        warnings: Signs of wrong units or of noise, one sentence each.
    """

    smallest: str
    smallest_ms: float
    largest: str
    largest_ms: float
    slowest_layer: str
    slowest_layer_ms: float
    warnings: tuple[str, ...]


def examine_table(table: LatencyTable) -> Plausibility:
    """Examine the latencies that a table of a MobileNetV3 predicts.

    Args:
        table: The latency table.
    """
    architecture = Architecture.from_dict(table.architecture)
    totals = np.stack([predict_compound(architecture, table, r) for r in table.resolutions])
    low, high = (np.unravel_index(i, totals.shape) for i in (totals.argmin(), totals.argmax()))
    subnets = [Subnet.compound(COMPOUND_DEPTHS[i], table.resolutions[r]) for r, i in (low, high)]
    costs = {resolution: table.at(resolution).costs_ms for resolution in table.resolutions}
    key, ms = max(((k, v) for found in costs.values() for k, v in found.items()), key=lambda entry: entry[1])
    warnings = [
        *_check_speed(table, architecture, subnets, (float(totals[low]), float(totals[high]))),
        *_check_layers(architecture, costs, (key, ms), float(totals[high])),
        *_check_resolutions(table),
    ]
    return Plausibility(
        subnets[0].id, float(totals[low]), subnets[1].id, float(totals[high]), key, ms, tuple(warnings)
    )


def _check_speed(
    table: LatencyTable, architecture: Architecture, subnets: list[Subnet], latencies: tuple[float, float]
) -> list[str]:
    for subnet, ms in zip(subnets, latencies, strict=True):
        speed = table.spec.batch * count_macs(list_layers(architecture, subnet)) / ms if ms > 0 else np.inf
        if speed > FASTEST_MACS_PER_MS or speed < SLOWEST_MACS_PER_MS:
            name, unit = ("seconds", "s") if speed > FASTEST_MACS_PER_MS else ("microseconds", "us")
            return [
                f"{subnet} in {ms:.4g} ms would be {speed / 1e6:.3g} thousand million multiply-accumulates a second, "
                f"which cannot be: if the table is in {name}, give --unit {unit}"
            ]
    return []


def _check_layers(
    architecture: Architecture,
    costs: Mapping[int, Mapping[str, float]],
    slowest: tuple[str, float],
    largest_ms: float,
) -> list[str]:
    layers: dict[str, Layer] = {}
    for resolution in costs:
        needed = list_needed(architecture, resolution, widest_space(architecture))
        layers |= {key: layer for key, (layer, _) in needed.items()}
    key, ms = slowest
    found = []
    if ms > LARGEST_SHARE * largest_ms:
        found.append(
            f"layer {key} takes {ms:.4g} ms of the largest network's {largest_ms:.4g} ms: it may be in another unit"
        )
    rates = {
        (resolution, key): ms / layers[key].macs
        for resolution, by_key in costs.items()
        for key, ms in by_key.items()
        if key in layers and layers[key].kind == "mbconv" and layers[key].has_expansion
    }
    typical = float(np.median(list(rates.values())))
    far = {
        place: max(rate / typical, typical / rate) if rate > 0 and typical > 0 else np.inf
        for place, rate in rates.items()
    }
    worst = max(far, key=far.__getitem__)
    if far[worst] > LARGEST_OUTLIER:
        found.append(
            f"layer {worst[1]} takes {costs[worst[0]][worst[1]]:.4g} ms at {worst[0]} px, {far[worst]:.3g} times "
            "more or less for its work than the median block: it may be in another unit"
        )
    return found


def _check_resolutions(table: LatencyTable) -> list[str]:
    """Name the layer whose values at two resolutions differ most."""
    values: dict[str, dict[int, float]] = {}
    for resolution, costs in table.costs_at.items():
        for key, ms in costs.items():
            values.setdefault(key, {})[resolution] = ms
    ratios = {
        key: max(found.values()) / min(found.values()) if min(found.values()) > 0 else np.inf
        for key, found in values.items()
    }
    if not ratios:
        return []
    key = max(ratios, key=ratios.__getitem__)
    if ratios[key] <= NOTICEABLE_RATIO:
        return []
    found = values[key]
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    noisy = sum(ratio > NOTICEABLE_RATIO for ratio in ratios.values())
    counted = "1 layer differs" if noisy == 1 else f"{noisy} layers differ"
    return [
        f"{counted} more than {NOTICEABLE_RATIO:g} times between resolutions, at most {key}: {found[low]:.4g} ms at "
        f"{low} px and {found[high]:.4g} ms at {high} px; each resolution uses its own value"
    ]
