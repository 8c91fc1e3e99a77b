"""The best subnet under a latency limit from a space that is too large to list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.search.lagrangian import relax
from compofa_deploy.search.predictor_gradients import Landscape
from compofa_deploy.search.swaps import list_swaps
from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, Choices, Space, to_subnet
from compofa_deploy.space.subnet import BLOCKS, Subnet
from latency_tables.errors import InfeasibleError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

EVALUATIONS = 4000
"""Most subnets whose accuracy, or slope of the accuracy, a predictor is asked for, unless told otherwise."""
STARTS = 4
"""Climbs that begin at each resolution."""
CLIMBS = 4
"""Climbs that go on side by side once the worse half has been given up, step by step."""
NEIGHBOURS = 6
"""Subnets around a place whose slopes are averaged with its own."""
NEIGHBOURS_REDRAWN = 0.15
"""The share of blocks in which they differ from it, at most."""
LEAPS = 3
"""Steps at the beginning of a climb that try relaxed solutions, which may be anywhere; later ones rarely are better."""
RELAXATIONS = 3
"""Relaxed solutions that such a step tries, each of which may leave its place less than the one before."""
RELUCTANCE = 2.0
"""What the last of them pays for a block that changes, in mean gains."""
NOISE = 0.25
"""Deviation of what is added to the gains that a relaxation sees, in mean gains."""
SWAPS = 24
"""Changes of one or two blocks that a step tries."""
PATIENCE = 7
"""Steps without a better subnet after which a climb is given up for a new one."""
FROM_BEST = 0.5
"""The share of new climbs that begin near the best subnet so far, and not anywhere."""
REDRAWN = 0.4
"""The share of blocks that such a beginning draws anew."""
IDLE_STEPS = 50
"""Steps in a row that meet no new subnet, after which there are taken to be no more."""
ROUNDING = 1e-9
"""By how much, relative, sums of one subnet's layers in different orders may differ."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best subnet that was found, its predicted top-1 in per cent, and how many evaluations that took."""

    subnet: Subnet
    accuracy: float
    evaluations: int


@dataclass(eq=False)
class _Climb:
    """Subnets met at one resolution that were not left yet, by key; how good the best was, how many steps there were,
    and for how many none has been better."""

    at: int
    start: Choices
    open: dict[bytes, float] = field(default_factory=dict)
    best: float = -np.inf
    steps: int = 0
    stalled: int = 0

    def leave(self) -> Choices:
        """The best of the subnets that were not left yet, which then is."""
        if not self.open:
            return self.start
        key = max(self.open, key=self.open.__getitem__)
        del self.open[key]
        return _decode(key)[0]


def find_best(
    space: Space,
    landscape: Landscape,
    latency: AdditiveCosts,
    limit_ms: float,
    rng: np.random.Generator,
    evaluations: int = EVALUATIONS,
) -> Found:
    """The most accurate subnet of the space whose latency keeps the limit, as far as ``evaluations`` find it.

    The latency is a sum over blocks, so the limit is kept exactly, and :class:`InfeasibleError` is raised at once where
    the fastest subnet breaks it. The accuracy is climbed: near a subnet it is taken to be linear in the blocks'
    settings, which makes a multiple-choice knapsack of the best subnet under the limit (:func:`relax`,
    :func:`list_swaps`), and the predictor judges what these propose. It is not linear: so slopes are averaged over
    neighbours, and climbs begin at every resolution and, where one is stuck, anew. The same ``rng`` finds the same.
    """
    return _Search(space, landscape, latency, limit_ms, rng, evaluations).run()


class _Search:
    def __init__(
        self,
        space: Space,
        landscape: Landscape,
        latency: AdditiveCosts,
        limit_ms: float,
        rng: np.random.Generator,
        evaluations: int,
    ) -> None:
        self._space, self._landscape, self._latency, self._rng = space, landscape, latency, rng
        self._limit_ms = limit_ms * (1 - ROUNDING)
        self._last = landscape.evaluations + evaluations
        self._cheapest = latency.find_cheapest(space)
        lowest = latency.total(self._cheapest, np.arange(len(latency.resolutions)))
        self._feasible = np.flatnonzero(lowest <= self._limit_ms)
        if not len(self._feasible):
            at = int(lowest.argmin())
            raise InfeasibleError(
                f"infeasible: no subnet of {space.name} has latency at most {limit_ms:g} ms; the fastest is "
                f"{to_subnet(self._cheapest[at], latency.resolutions[at])}: {lowest[at]:.3g} ms"
            )
        self._seen: dict[bytes, float] = {}

    def run(self) -> Found:
        begun = self._landscape.evaluations
        at = np.repeat(self._feasible, STARTS)
        starts = self._space.sample(self._rng, len(at))
        climbs = [_Climb(int(i), start) for i, start in zip(at, starts, strict=True)]
        self._meet(climbs[::STARTS], np.arange(len(self._feasible)), self._cheapest[self._feasible])
        idle = 0
        while idle < IDLE_STEPS and self._left > len(climbs) * (NEIGHBOURS + 1):
            known = len(self._seen)
            self._step(climbs)
            idle = 0 if len(self._seen) > known else idle + 1
            climbs.sort(key=lambda climb: -climb.best)
            climbs = climbs[: max(CLIMBS, len(climbs) // 2)]
            climbs = [climb for climb in climbs if climb.open and climb.stalled < PATIENCE]
            climbs += [self._begin() for _ in range(CLIMBS - len(climbs))]
        best = max(self._seen, key=self._seen.__getitem__)
        choices, best_at = _decode(best)
        subnet = to_subnet(choices, self._latency.resolutions[best_at])
        return Found(subnet, self._seen[best], self._landscape.evaluations - begun)

    @property
    def _left(self) -> int:
        return self._last - self._landscape.evaluations

    def _begin(self) -> _Climb:
        """A new climb, from a subnet that need not keep the limit."""
        drawn = self._space.sample(self._rng, 1)[0]
        at = int(self._rng.choice(self._feasible))
        if self._rng.random() < FROM_BEST:
            best, best_at = _decode(max(self._seen, key=self._seen.__getitem__))
            mixed = np.where(self._rng.random(BLOCKS) < REDRAWN, drawn, best)
            if self._space.contains(mixed[None])[0]:
                return _Climb(best_at, mixed)
        return _Climb(at, drawn)

    def _step(self, climbs: list[_Climb]) -> None:
        """Each climb leaves the best place that it knows, for all that is proposed from there."""
        places = np.array([climb.leave() for climb in climbs])
        at = np.array([climb.at for climb in climbs])
        gains = self._average_gains(places, at)
        leaping = np.flatnonzero([climb.steps < LEAPS for climb in climbs])
        parts = [(np.zeros(0, np.intp), places[:0]), *self._list_swaps(places, at, gains)]
        if len(leaping):
            parts.append(self._leap(leaping, places, at, gains))
        owners, proposed = (np.concatenate(part) for part in zip(*parts, strict=True))
        self._meet(climbs, owners, proposed)
        for climb in climbs:
            climb.steps += 1
            best = max(climb.open.values(), default=-np.inf)
            climb.stalled = 0 if best > climb.best else climb.stalled + 1
            climb.best = max(climb.best, best)

    def _meet(self, climbs: list[_Climb], owners: Indices, proposed: Choices) -> None:
        """Evaluate what keeps the limit and was not met before, and open it to the climb that proposed it."""
        at = np.array([climb.at for climb in climbs])[owners]
        rows = np.column_stack((proposed, at)).astype(np.uint8).tobytes()
        width = BLOCKS + 1
        new: dict[bytes, int] = {}
        for i in np.flatnonzero(self._latency.total(proposed, at) <= self._limit_ms).tolist():
            key = rows[i * width : (i + 1) * width]
            if key not in self._seen and len(new) < self._left:
                new.setdefault(key, i)
        indices = list(new.values())
        values = self._landscape.values(proposed[indices], at[indices]).tolist()
        for key, i, value in zip(new, indices, values, strict=True):
            self._seen[key] = climbs[owners[i]].open[key] = value

    def _average_gains(self, places: Choices, at: Indices) -> Floats:
        """(n, 20, 10): gains of setting one block of each place otherwise, averaged over places around it."""
        count = len(places)
        around = np.repeat(places[:, None], NEIGHBOURS + 1, axis=1)
        drawn = self._space.sample(self._rng, count * NEIGHBOURS).reshape(count, NEIGHBOURS, BLOCKS)
        redrawn = self._rng.random(drawn.shape) < NEIGHBOURS_REDRAWN
        both_run = (drawn != ABSENT) & (around[:, 1:] != ABSENT)
        around[:, 1:] = np.where(redrawn & both_run, drawn, around[:, 1:])
        gains = self._landscape.gains(around.reshape(-1, BLOCKS), np.repeat(at, NEIGHBOURS + 1))
        gains = gains.reshape(count, NEIGHBOURS + 1, BLOCKS, OPTIONS).mean(axis=1)
        averaged: Floats = gains - np.take_along_axis(gains, places[..., None], axis=2)
        return averaged

    def _leap(self, leaping: Indices, places: Choices, at: Indices, gains: Floats) -> tuple[Indices, Choices]:
        """(m,) which of the leaping climbs, and (m, 20) relaxed solutions to go to."""
        places, at, gains = places[leaping], at[leaping], gains[leaping]
        moves = np.ones(gains.shape)
        np.put_along_axis(moves, places[..., None], 0, axis=2)
        scale = np.abs(gains).mean(axis=(1, 2))[:, None, None, None]
        reluctance = np.linspace(0, RELUCTANCE, RELAXATIONS)[:, None, None] * moves[:, None]
        noise = NOISE * self._rng.standard_normal((len(places), RELAXATIONS, BLOCKS, OPTIONS))
        seen = (gains[:, None] + scale * (noise - reluctance)).reshape(-1, BLOCKS, OPTIONS)
        at = np.repeat(at, RELAXATIONS)
        budgets = self._limit_ms - self._latency.fixed[at]
        relaxed = relax(seen, self._latency.blocks[at], budgets, self._cheapest[at], self._space)
        return np.repeat(leaping, RELAXATIONS), relaxed

    def _list_swaps(self, places: Choices, at: Indices, gains: Floats) -> Iterator[tuple[Indices, Choices]]:
        """The same for each climb whose place keeps the limit: swaps."""
        slack = self._limit_ms - self._latency.total(places, at)
        for i in np.flatnonzero(slack >= 0).tolist():
            costs = self._latency.blocks[at[i]]
            swapped = list_swaps(places[i], gains[i], costs, float(slack[i]), self._space, SWAPS)
            yield np.full(len(swapped), i), swapped


def _decode(key: bytes) -> tuple[Choices, int]:
    row = np.frombuffer(key, np.uint8).astype(np.int64)
    return row[:-1], int(row[-1])
