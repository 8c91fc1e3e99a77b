"""Network statistics: what a table keeps of the measured networks, and how noisy their latencies are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from latency_tables.fit import RELATIVE_NOISE, Array, rank_correlation
from latency_tables.measurement import Measurement
from latency_tables.table import MeasuredNetwork
from latency_tables.validation import ErrorSummary

LEAST_NOISE = 0.003
"""The smallest relative noise of a network's latency. The weights of no two networks lie alike in memory, however
alike the sessions of each network are."""
MEDIAN_ERROR = 1.2533
"""The standard error of a median divided by that of a mean, for normally distributed values."""
PERCENTILES = (50, 90, 95, 99)


def summarise_error(predicted: Array, measured: Array, noise_floor: float) -> ErrorSummary:
    """The errors of predictions, relative to the measured latencies.

    Args:
        predicted: Predicted latencies (n,).
        measured: Measured latencies (n,) in the same unit.
        noise_floor: The mean relative distance of two sessions of one network.
    """
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
    """The ratio of each percentile to the median, by the percentile's name: the median over the networks."""
    return {
        str(p): float(np.median([network.percentile(p) / network.percentile(50) for network in networks]))
        for p in PERCENTILES
    }


def list_networks(networks: Sequence[Measurement]) -> tuple[MeasuredNetwork, ...]:
    """The part of the measured networks that a table keeps."""
    return tuple(MeasuredNetwork(m.item.label, m.item.layers, m.latency_ms, m.doubts) for m in networks)


def measure_noise(networks: Sequence[Measurement]) -> float:
    """The mean relative distance of two sessions of one network; 0 without a pair of sessions."""
    apart = [
        abs(first - second) / network.latency_ms
        for network in networks
        for first, second in combinations(network.session_levels_ms, 2)
    ]
    return float(np.mean(apart)) if apart else 0.0


def estimate_noise(networks: Sequence[Measurement]) -> float:
    """The relative standard error of a network's latency.

    It is the standard error of the median over sessions, as the median over the networks.
    """
    spreads = [
        float(np.std(np.log(levels), ddof=1)) / math.sqrt(len(levels))
        for levels in (network.session_levels_ms for network in networks)
        if len(levels) > 1
    ]
    return max(LEAST_NOISE, MEDIAN_ERROR * float(np.median(spreads))) if spreads else RELATIVE_NOISE
