"""The best subnet under a latency limit from a space that is too large to list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.search.lagrangian import solve_relaxation
from compofa_deploy.search.predictor_gradients import PredictorGradients
from compofa_deploy.search.space_latency import SpaceLatency
from compofa_deploy.search.swaps import list_swaps
from compofa_deploy.search.trajectory import Trajectory, decode_key
from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, ChoiceArray, Space, to_subnet
from compofa_deploy.space.subnet import BLOCKS, Subnet
from latency_tables.errors import InfeasibleError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

EVALUATIONS = 4000
"""The largest number of subnets whose accuracy, or its gradient, the predictor is asked for by default."""
STARTS = 4
"""Trajectories that begin at each resolution."""
TRAJECTORIES = 4
"""Trajectories that continue side by side. After each step the worse half is dropped down to this number."""
NEIGHBOURS = 6
"""Subnets near a place whose gradients are averaged with its own."""
NEIGHBOURS_REDRAWN = 0.15
"""The largest share of blocks in which a neighbour differs from the place."""
LEAPS = 3
"""The first steps of a trajectory that also try relaxed solutions, which may lie anywhere. Later ones rarely help."""
RELAXATIONS = 3
"""Relaxed solutions that each such step tries, with an increasing penalty on changes."""
RELUCTANCE = 2.0
"""The last relaxation's penalty on each changed block, in units of the mean gain."""
NOISE = 0.25
"""The standard deviation of the noise on the gains of a relaxation, in units of the mean gain."""
SWAPS = 24
"""Changes of one or two blocks that a step tries."""
PATIENCE = 7
"""Steps without a better subnet after which a trajectory is dropped for a new one."""
FROM_BEST = 0.5
"""The share of new trajectories that begin near the best subnet so far; the others begin anywhere."""
REDRAWN = 0.4
"""The share of blocks that are drawn anew for a beginning near the best subnet."""
IDLE_STEPS = 50
"""The search ends after this many consecutive steps without a new subnet."""
ROUNDING = 1e-9
"""The relative difference between sums of a subnet's layers in different orders."""


@dataclass(frozen=True, slots=True)
class LocalOptimum:
    """The best subnet of a local search, its predicted top-1 in per cent, and the number of evaluations."""

    subnet: Subnet
    accuracy: float
    evaluations: int


def find_best(
    space: Space,
    gradients: PredictorGradients,
    latency: SpaceLatency,
    limit_ms: float,
    rng: np.random.Generator,
    evaluations: int = EVALUATIONS,
) -> LocalOptimum:
    """Return the most accurate subnet under a latency limit that a local search finds.

    Near a subnet the accuracy is taken to be linear in the blocks' settings. The best subnet under the limit is then
    a multiple-choice knapsack, which :func:`solve_relaxation` and :func:`list_swaps` solve approximately. The
    predictor evaluates the proposals. Because it is not linear, gradients are averaged over neighbours, and
    trajectories begin at every resolution and restart where they stall. Equal generators give equal results.

    Args:
        space: The space.
        gradients: The predictor, at the resolutions of ``latency``.
        latency: The latency of every subnet in ms.
        limit_ms: The latency limit in ms, which the result keeps.
        rng: The random generator.
        evaluations: The largest number of evaluations of the predictor.

    Raises:
        InfeasibleError: The fastest subnet exceeds the limit; it is named.
    """
    return _Search(space, gradients, latency, limit_ms, rng, evaluations).run()


class _Search:
    def __init__(
        self,
        space: Space,
        gradients: PredictorGradients,
        latency: SpaceLatency,
        limit_ms: float,
        rng: np.random.Generator,
        evaluations: int,
    ) -> None:
        self._space, self._gradients, self._latency, self._rng = space, gradients, latency, rng
        self._limit_ms = limit_ms * (1 - ROUNDING)
        self._last = gradients.evaluations + evaluations
        self._cheapest = latency.find_cheapest(space)
        lowest = latency.total(self._cheapest, np.arange(len(latency.resolutions)))
        self._feasible = np.flatnonzero(lowest <= self._limit_ms)
        if not len(self._feasible):
            at = int(lowest.argmin())
            raise InfeasibleError(
                f"infeasible: no subnet of {space.name} has latency at most {limit_ms:g} ms; the fastest is "
                f"{to_subnet(self._cheapest[at], latency.resolutions[at])}: {lowest[at]:.3g} ms"
            )
        self._accuracies: dict[bytes, float] = {}

    def run(self) -> LocalOptimum:
        begun = self._gradients.evaluations
        at = np.repeat(self._feasible, STARTS)
        starts = self._space.sample(self._rng, len(at))
        trajectories = [Trajectory(int(i), start) for i, start in zip(at, starts, strict=True)]
        self._evaluate(trajectories[::STARTS], np.arange(len(self._feasible)), self._cheapest[self._feasible])
        idle = 0
        while idle < IDLE_STEPS and self._left > len(trajectories) * (NEIGHBOURS + 1):
            known = len(self._accuracies)
            self._step(trajectories)
            idle = 0 if len(self._accuracies) > known else idle + 1
            trajectories.sort(key=lambda trajectory: -trajectory.best)
            trajectories = trajectories[: max(TRAJECTORIES, len(trajectories) // 2)]
            trajectories = [
                trajectory for trajectory in trajectories if trajectory.open and trajectory.stalled < PATIENCE
            ]
            trajectories += [self._begin() for _ in range(TRAJECTORIES - len(trajectories))]
        best = max(self._accuracies, key=self._accuracies.__getitem__)
        choices, best_at = decode_key(best)
        subnet = to_subnet(choices, self._latency.resolutions[best_at])
        return LocalOptimum(subnet, self._accuracies[best], self._gradients.evaluations - begun)

    @property
    def _left(self) -> int:
        return self._last - self._gradients.evaluations

    def _begin(self) -> Trajectory:
        """Return a new trajectory, from a subnet that may exceed the limit."""
        drawn = self._space.sample(self._rng, 1)[0]
        at = int(self._rng.choice(self._feasible))
        if self._rng.random() < FROM_BEST:
            best, best_at = decode_key(max(self._accuracies, key=self._accuracies.__getitem__))
            mixed = np.where(self._rng.random(BLOCKS) < REDRAWN, drawn, best)
            if self._space.contains(mixed[None])[0]:
                return Trajectory(best_at, mixed)
        return Trajectory(at, drawn)

    def _step(self, trajectories: list[Trajectory]) -> None:
        """Expand the best place of each trajectory: propose changes, evaluate them, keep the new subnets."""
        places = np.array([trajectory.take_next() for trajectory in trajectories])
        at = np.array([trajectory.at for trajectory in trajectories])
        gains = self._average_gains(places, at)
        leaping = np.flatnonzero([trajectory.steps < LEAPS for trajectory in trajectories])
        parts = [(np.zeros(0, np.intp), places[:0]), *self._list_swaps(places, at, gains)]
        if len(leaping):
            parts.append(self._leap(leaping, places, at, gains))
        owners, proposed = (np.concatenate(part) for part in zip(*parts, strict=True))
        self._evaluate(trajectories, owners, proposed)
        for trajectory in trajectories:
            trajectory.steps += 1
            best = max(trajectory.open.values(), default=-np.inf)
            trajectory.stalled = 0 if best > trajectory.best else trajectory.stalled + 1
            trajectory.best = max(trajectory.best, best)

    def _evaluate(self, trajectories: list[Trajectory], owners: Indices, proposed: ChoiceArray) -> None:
        """Evaluate proposals that are new and keep the limit, and add each to its owner's open subnets."""
        at = np.array([trajectory.at for trajectory in trajectories])[owners]
        rows = np.column_stack((proposed, at)).astype(np.uint8).tobytes()
        width = BLOCKS + 1
        new: dict[bytes, int] = {}
        for i in np.flatnonzero(self._latency.total(proposed, at) <= self._limit_ms).tolist():
            key = rows[i * width : (i + 1) * width]
            if key not in self._accuracies and len(new) < self._left:
                new.setdefault(key, i)
        indices = list(new.values())
        values = self._gradients.values(proposed[indices], at[indices]).tolist()
        for key, i, value in zip(new, indices, values, strict=True):
            self._accuracies[key] = trajectories[owners[i]].open[key] = value

    def _average_gains(self, places: ChoiceArray, at: Indices) -> Floats:
        """Return (n, 20, 10): the gain of each setting of each block, averaged over neighbours of each place."""
        count = len(places)
        around = np.repeat(places[:, None], NEIGHBOURS + 1, axis=1)
        drawn = self._space.sample(self._rng, count * NEIGHBOURS).reshape(count, NEIGHBOURS, BLOCKS)
        redrawn = self._rng.random(drawn.shape) < NEIGHBOURS_REDRAWN
        both_run = (drawn != ABSENT) & (around[:, 1:] != ABSENT)
        around[:, 1:] = np.where(redrawn & both_run, drawn, around[:, 1:])
        gains = self._gradients.gains(around.reshape(-1, BLOCKS), np.repeat(at, NEIGHBOURS + 1))
        gains = gains.reshape(count, NEIGHBOURS + 1, BLOCKS, OPTIONS).mean(axis=1)
        averaged: Floats = gains - np.take_along_axis(gains, places[..., None], axis=2)
        return averaged

    def _leap(
        self, leaping: Indices, places: ChoiceArray, at: Indices, gains: Floats
    ) -> tuple[Indices, ChoiceArray]:
        """Return relaxed solutions: (m,) the indices of their trajectories, and (m, 20) the subnets."""
        places, at, gains = places[leaping], at[leaping], gains[leaping]
        moves = np.ones(gains.shape)
        np.put_along_axis(moves, places[..., None], 0, axis=2)
        scale = np.abs(gains).mean(axis=(1, 2))[:, None, None, None]
        reluctance = np.linspace(0, RELUCTANCE, RELAXATIONS)[:, None, None] * moves[:, None]
        noise = NOISE * self._rng.standard_normal((len(places), RELAXATIONS, BLOCKS, OPTIONS))
        seen = (gains[:, None] + scale * (noise - reluctance)).reshape(-1, BLOCKS, OPTIONS)
        fixed, costs = (np.repeat(part, RELAXATIONS, axis=0) for part in self._latency.linearise(places, at))
        cheapest = np.repeat(self._cheapest[at], RELAXATIONS, axis=0)
        relaxed = solve_relaxation(seen, costs, self._limit_ms - fixed, cheapest, self._space)
        return np.repeat(leaping, RELAXATIONS), relaxed

    def _list_swaps(
        self, places: ChoiceArray, at: Indices, gains: Floats
    ) -> Iterator[tuple[Indices, ChoiceArray]]:
        """Yield swaps for each place that keeps the limit: (m,) its trajectory's index, and (m, 20) the subnets."""
        slack = self._limit_ms - self._latency.total(places, at)
        _, costs = self._latency.linearise(places, at)
        for i in np.flatnonzero(slack >= 0).tolist():
            swapped = list_swaps(places[i], gains[i], costs[i], float(slack[i]), self._space, SWAPS)
            yield np.full(len(swapped), i), swapped
