"""The latency of every subnet of a space that is too large to list, as its table predicts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.search.additive import AdditiveCosts, find_cheapest_rows
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.choice_arrays import POSITIONS, ChoiceArray, Space
from latency_tables.table import LatencyTable

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LINEARISATIONS = 20
"""The largest number of steps to the fastest subnet; two or three are usual."""


class SpaceLatency(Protocol):
    """The latency of every subnet of a space, at some resolutions."""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions in pixels."""

    def total(self, choices: ChoiceArray, at: Indices) -> Floats:
        """Return (n,): the latency in ms of rows (n, 20), each at the resolution of an index (n,)."""

    def linearise(self, choices: ChoiceArray, at: Indices) -> tuple[Floats, Floats]:
        """Return (n,) and (n, 20, 10): a constant and a cost of each setting, whose sum is the latency near a row."""

    def find_cheapest(self, space: Space) -> ChoiceArray:
        """Return (r, 20): the fastest member of the space at each resolution."""


@dataclass(frozen=True)
class ContendedLatency:
    """A latency with cache contention, which multiplies the layers' time by the bytes of weights.

    Attributes:
        table: The latency table.
        scale: The factor from the predicted median to the latency.
        costs: The sum of the layers' costs in ms.
        layers: The sum of the times in ms that the layers take by themselves.
        weights: The sum of the layers' bytes of weights.
    """

    table: LatencyTable
    scale: float
    costs: AdditiveCosts
    layers: AdditiveCosts
    weights: AdditiveCosts

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions in pixels."""
        return self.costs.resolutions

    def total(self, choices: ChoiceArray, at: Indices) -> Floats:
        """Return (n,): the latency in ms of each row of choices.

        Args:
            choices: (n, 20): the rows.
            at: (n,): the index of each row's resolution.
        """
        sums = (part.total(choices, at) for part in (self.costs, self.layers, self.weights))
        total: Floats = self.scale * self.table.predict_from_sums(*sums)
        return total

    def linearise(self, choices: ChoiceArray, at: Indices) -> tuple[Floats, Floats]:
        """Return the tangent of the latency at each row: a constant (n,) and the settings' costs (n, 20, 10).

        Args:
            choices: (n, 20): the rows, at which the tangent is exact.
            at: (n,): the index of each row's resolution.
        """
        layers, weights = (part.total(choices, at)[:, None, None] for part in (self.layers, self.weights))
        per_layer_ms, per_byte = self.table.contention_slopes(layers, weights)
        blocks: Floats = self.scale * (
            self.costs.blocks[at] + per_layer_ms * self.layers.blocks[at] + per_byte * self.weights.blocks[at]
        )
        running = blocks[np.arange(len(choices))[:, None], POSITIONS, choices].sum(axis=1)
        return self.total(choices, at) - running, blocks

    def find_cheapest(self, space: Space) -> ChoiceArray:
        """Return (r, 20): the fastest member of the space that tangents lead to, at each resolution.

        The search starts from the members with the lowest costs, times and weights. From each it goes to the
        cheapest member under the tangent, as long as that is faster. Contention is a small part of a latency, so the
        result is the fastest member up to a small part of the contention.

        Args:
            space: The space.
        """
        at = np.arange(len(self.resolutions))
        starts = [part.find_cheapest(space) for part in (self.costs, self.layers, self.weights)]
        descents = [self._descend(space, start, at) for start in starts]
        totals = np.stack([self.total(rows, at) for rows in descents])
        cheapest: ChoiceArray = np.stack(descents)[totals.argmin(axis=0), at]
        return cheapest

    def _descend(self, space: Space, rows: ChoiceArray, at: Indices) -> ChoiceArray:
        for _ in range(LINEARISATIONS):
            proposed = find_cheapest_rows(self.linearise(rows, at)[1], space)
            faster = self.total(proposed, at) < self.total(rows, at)
            if not faster.any():
                break
            rows = np.where(faster[:, None], proposed, rows)
        return rows


def list_latencies(
    architecture: Architecture,
    table: LatencyTable,
    space: Space,
    resolutions: Sequence[int],
    percentile: int = 50,
    confidence: float = 0.9,
) -> SpaceLatency:
    """Return the upper end of the interval around the predicted latency of every subnet of a space.

    Args:
        architecture: The supernet's shape.
        table: The latency table, which predicts as :meth:`LatencyTable.predict_ms` does.
        space: The space.
        resolutions: The resolutions in pixels.
        percentile: The percentile of the latency.
        confidence: The confidence of the interval; a table that states no error has none.

    Raises:
        MismatchError: The table lacks a layer of the space.
    """
    scale = table.percentile_ratio(percentile) * (1 + (table.margin(confidence) if table.states_error else 0))
    at = {resolution: table.at(resolution) for resolution in resolutions}

    def add_up(cost: Callable[[LatencyTable, str], float]) -> AdditiveCosts:
        return AdditiveCosts.of(architecture, space, resolutions, lambda layer, r: cost(at[r], layer.key))

    costs = add_up(LatencyTable.layer_cost_ms)
    if table.has_contention:
        layers = add_up(lambda table, key: table.layers_ms[key])
        return ContendedLatency(table, scale, costs, layers, add_up(LatencyTable.weight_bytes))
    return AdditiveCosts(costs.resolutions, scale * (costs.fixed + table.intercept_ms), scale * costs.blocks)
