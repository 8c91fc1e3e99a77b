"""Trying candidates from the best on, while it becomes known how accurate they really are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.constraints import Constraint
from compofa_deploy.search.select import rank
from latency_tables.errors import InfeasibleError


class Turns:
    """Indices of the candidates that keep the constraints, the best first, each once.

    Where an accuracy was assumed, the one whose turn it is may be corrected: it comes again in the place that it then
    has, or not at all where it no longer keeps the constraints. So nothing is measured but what would be picked.
    :class:`InfeasibleError` at the start where no candidate keeps the constraints.
    """

    def __init__(self, candidates: Candidates, constraints: Sequence[Constraint]) -> None:
        self.candidates = candidates
        self._constraints = constraints
        self._ranked = rank(candidates, constraints).tolist()
        self._done: set[int] = set()
        self._next = 0

    def __iter__(self) -> Iterator[int]:
        while self._next < len(self._ranked):
            index = self._ranked[self._next]
            self._next += 1
            if index not in self._done:
                self._done.add(index)
                yield index

    def correct(self, index: int, accuracy: float) -> None:
        """Put the measured accuracy in per cent in place of the assumed one, for the candidate whose turn it is and for
        the same subnet on other threads of the same device, and let these have their turn again."""
        now, same = self.candidates, []
        mine = now.tables[now.table[index]].spec
        for table, other in enumerate(now.tables):
            spec = other.spec
            if (spec.runtime, spec.precision) == (mine.runtime, mine.precision):
                here = (now.table == table) & (now.depths == now.depths[index])
                same += (here & (now.resolution == now.resolution[index])).nonzero()[0].tolist()
        corrected = now.accuracy.copy()
        corrected[same] = accuracy
        self.candidates = replace(now, accuracy=corrected)
        self._done.discard(index)
        self._next = 0
        try:
            self._ranked = rank(self.candidates, self._constraints).tolist()
        except InfeasibleError:
            self._ranked = []
