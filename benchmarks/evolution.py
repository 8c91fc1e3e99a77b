"""Evolutionary search as Once-For-All published it (Cai et al., ICLR 2020, section 3.4), the baseline of our search.

Each generation keeps the best quarter of the population. Half of the new members are mutants of these, and half are
crosses. A member that breaks the limit is drawn anew. Members are changed one at a time in Python, and a generation is
predicted in one batch. The latency of a member is a sum over lists that were made before.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.space.choice_arrays import SETTINGS
from compofa_deploy.space.subnet import (
    BLOCKS,
    COUPLED_EXPAND,
    DEPTHS,
    EXPANDS,
    FIXED_KERNELS,
    KERNELS,
    MAX_DEPTH,
    STAGES,
    Subnet,
)

POPULATION = 100
GENERATIONS = 500
MUTATED = 0.1
"""The probability that a block, a depth or the resolution is drawn anew."""
PARENTS = 0.25
MUTANTS = 0.5

_SETTING = {setting: index for index, setting in enumerate(SETTINGS)}


@dataclass(slots=True)
class Member:
    """A subnet as OFA's lists, with the resolution as an index. Settings of blocks that do not run are inherited."""

    ks: list[int]
    e: list[int]
    d: list[int]
    at: int


class Evolution:
    """Evolutionary search under one limit, over the space ``ofa``, or over ``compofa`` where ``compound`` is set."""

    def __init__(
        self,
        predictor: AccuracyPredictor,
        latency: AdditiveCosts,
        limit_ms: float,
        compound: bool,
        seed: int,
    ) -> None:
        self._predictor, self._limit_ms, self._compound = predictor, limit_ms, compound
        self._resolutions = latency.resolutions
        self._fixed: list[float] = latency.fixed.tolist()
        self._blocks: list[list[list[float]]] = latency.blocks.tolist()
        self._random = random.Random(seed)

    def run(self) -> tuple[Subnet, float]:
        """Return the best subnet and its predicted top-1 in per cent."""
        members = [self._draw() for _ in range(POPULATION)]
        population = list(zip(self._predict(members), members, strict=True))
        parents = round(PARENTS * POPULATION)
        mutants = round(MUTANTS * POPULATION)
        for _ in range(GENERATIONS):
            population = sorted(population, key=lambda scored: -scored[0])[:parents]
            members = [self._mutate(self._pick(population)) for _ in range(mutants)]
            members += [
                self._cross(self._pick(population), self._pick(population))
                for _ in range(POPULATION - mutants)
            ]
            population += zip(self._predict(members), members, strict=True)
        accuracy, best = max(population, key=lambda scored: scored[0])
        subnet = Subnet(tuple(best.d), tuple(best.e), tuple(best.ks), self._resolutions[best.at])
        return subnet, accuracy

    def _pick(self, population: list[tuple[float, Member]]) -> Member:
        return self._random.choice(population)[1]

    def _predict(self, members: list[Member]) -> list[float]:
        features = self._predictor.encode(
            [member.ks for member in members],
            [member.e for member in members],
            [member.d for member in members],
            [self._resolutions[member.at] for member in members],
        )
        top1: list[float] = self._predictor.predict(features).tolist()
        return top1

    def _keeps(self, member: Member) -> bool:
        """Return whether a member keeps the limit, after making it compound where the space is compound."""
        if self._compound:
            member.ks = [kernel for kernel in FIXED_KERNELS for _ in range(MAX_DEPTH)]
            member.e = [COUPLED_EXPAND[depth] for depth in member.d for _ in range(MAX_DEPTH)]
        blocks, total = self._blocks[member.at], self._fixed[member.at]
        for stage, depth in enumerate(member.d):
            for block in range(stage * MAX_DEPTH, stage * MAX_DEPTH + depth):
                total += blocks[block][_SETTING[member.ks[block], member.e[block]]]
        return total <= self._limit_ms

    def _draw(self) -> Member:
        choice = self._random.choice
        while True:
            member = Member(
                [choice(KERNELS) for _ in range(BLOCKS)],
                [choice(EXPANDS) for _ in range(BLOCKS)],
                [choice(DEPTHS) for _ in range(STAGES)],
                choice(range(len(self._resolutions))),
            )
            if self._keeps(member):
                return member

    def _mutate(self, parent: Member) -> Member:
        draw, choice = self._random.random, self._random.choice
        while True:
            member = Member(parent.ks[:], parent.e[:], parent.d[:], parent.at)
            if draw() < MUTATED:
                member.at = choice(range(len(self._resolutions)))
            for block in range(BLOCKS):
                if draw() < MUTATED:
                    member.ks[block], member.e[block] = choice(KERNELS), choice(EXPANDS)
            for stage in range(STAGES):
                if draw() < MUTATED:
                    member.d[stage] = choice(DEPTHS)
            if self._keeps(member):
                return member

    def _cross(self, first: Member, second: Member) -> Member:
        choice = self._random.choice
        while True:
            member = Member(
                [choice(pair) for pair in zip(first.ks, second.ks, strict=True)],
                [choice(pair) for pair in zip(first.e, second.e, strict=True)],
                [choice(pair) for pair in zip(first.d, second.d, strict=True)],
                choice((first.at, second.at)),
            )
            if self._keeps(member):
                return member
