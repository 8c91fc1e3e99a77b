"""Designs of the calibration: the terms that make up a network's latency, and how far each may move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.fit import RELATIVE_NOISE, Array, Design


@dataclass(frozen=True)
class LayerTerms:
    """The known quantities of k layers.

    Attributes:
        keys: The keys of the layers.
        costs_ms: The expected cost of each layer within a network in ms (k,).
        isolated_ms: The latency of each layer by itself in ms (k,).
        weight_bytes: The bytes of weights of each layer (k,).
    """

    keys: tuple[str, ...]
    costs_ms: Array
    isolated_ms: Array
    weight_bytes: Array

    @classmethod
    def of_isolated(cls, layers_ms: Mapping[str, float], weight_bytes: Mapping[str, int]) -> LayerTerms:
        """The terms of layers whose expected cost is their latency by themselves.

        Args:
            layers_ms: The latency of each layer by itself in ms, by its key.
            weight_bytes: The bytes of weights of each layer, by its key.
        """
        isolated = np.array(list(layers_ms.values()))
        sizes = np.array([weight_bytes[key] for key in layers_ms], np.float64)
        return cls(tuple(layers_ms), isolated, isolated, sizes)

    def find_typical_bytes(self, counts: Array) -> float:
        """The median of the networks' bytes of weights, at least 1; ``counts`` (n, k) are layers in networks."""
        return max(float(np.median(counts @ self.weight_bytes)), 1.0)


@dataclass(frozen=True)
class PriorScales:
    """How far each coefficient may move: standard deviations of its normal prior, relative to a typical network.

    Attributes:
        slope: The factor of all costs.
        weight_bytes: The cost of a byte of weights.
        group: The factor of the costs of one group of layers; see :func:`group_layer`.
        layer: The factor of one layer's cost; 0 for no such factor.
        intercept: The cost of a network beside its layers.
        contention: The coefficient of cache contention.
    """

    slope: float
    weight_bytes: float
    group: float
    layer: float
    intercept: float
    contention: float


@dataclass(frozen=True)
class PriorMeans:
    """The expected coefficients of a network as a whole: its intercept in ms, and contention for each byte."""

    intercept_ms: float = 0.0
    contention_per_byte: float = 0.0


def make_design(
    terms: LayerTerms,
    counts: Array,
    measured: Array,
    typical_bytes: float,
    scales: PriorScales,
    means: PriorMeans = PriorMeans(),
    noise: float = RELATIVE_NOISE,
) -> Design:
    """The design of a calibration, for :func:`latency_tables.fit.fit_costs`.

    A layer's cost has up to four terms:

    - its expected cost;
    - its weights' bytes, which a layer that runs alone keeps in a cache, and a layer within a network does not;
    - its expected cost once more for its group, since an error in one layer of a stage is shared by the others;
    - its expected cost once more for itself, since a runtime may have an algorithm of its own for one size.

    A network has two terms of its own: an intercept and, as the last, cache contention.

    Args:
        terms: The known quantities of k layers.
        counts: The number of times that each of n networks runs each layer (n, k).
        measured: The latency of each network in ms (n,).
        typical_bytes: The bytes of weights of a typical network.
        scales: How far each coefficient may move.
        means: The expected intercept and contention.
        noise: The relative standard deviation of a measured latency.
    """
    # In units of a typical network's latency, so that a scale means the same on every device.
    unit = float(np.median(measured))
    groups = sorted({group_layer(key) for key in terms.keys})
    member = np.array([[group_layer(key) == group for group in groups] for key in terms.keys], np.float64)
    columns = [
        terms.costs_ms[:, None],
        terms.weight_bytes[:, None] / typical_bytes * unit,
        terms.costs_ms[:, None] * member,
    ]
    widths = [scales.slope, scales.weight_bytes, *np.full(len(groups), scales.group)]
    if scales.layer:
        columns.append(np.diag(terms.costs_ms))
        widths += [scales.layer] * len(terms.keys)
    totals_ms, totals = counts @ terms.isolated_ms, counts @ terms.weight_bytes
    # Without known sizes of weights there is no contention.
    contended = totals_ms * (totals - typical_bytes) if totals.any() else np.zeros(len(measured))
    whole = np.stack([np.ones(len(measured)), contended], axis=1)
    prior = [1.0, *np.zeros(len(widths) - 1), means.intercept_ms, means.contention_per_byte]
    widths += [
        scales.intercept * unit,
        scales.contention * unit / (float(np.median(totals_ms)) * typical_bytes),
    ]
    return Design(np.hstack(columns), counts, whole, measured, np.array(prior), np.array(widths), noise)


def count_layers(keys: Sequence[str], layers: Sequence[str]) -> Array:
    """The number of times that a network of ``layers`` runs each of ``keys`` (k,).

    Raises:
        KeyError: A layer is not among the keys.
    """
    positions = {key: i for i, key in enumerate(keys)}
    counts = np.zeros(len(keys))
    for key in layers:
        counts[positions[key]] += 1
    return counts


def group_layer(key: str) -> str:
    """The group of a layer: its kind and output width. The blocks of one stage mostly form a group.

    >>> group_layer("mbconv-16x56-24x28-m64-k3-s2-relu")
    'mbconv-24'
    """
    kind, *shapes = key.split("-")
    return f"{kind}-{shapes[1].split('x')[0]}" if len(shapes) > 1 else key
