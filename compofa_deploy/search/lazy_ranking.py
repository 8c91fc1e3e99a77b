"""Ranking candidates while their accuracies are measured one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.constraints import Constraint
from compofa_deploy.search.select import rank
from latency_tables.errors import InfeasibleError


class LazyRanking:
    """The indices of the candidates that keep the constraints, best first, each once.

    The accuracy of the candidate that was just returned may be corrected, where it was assumed. The candidate then
    comes again in its new place, or not at all where it no longer keeps the constraints. So accuracy is measured only
    for candidates that would be picked.

    Raises:
        InfeasibleError: No candidate keeps the constraints when the ranking is made.
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
        """Replace an assumed accuracy by the measured one, and rank anew.

        The correction also holds for the same subnet in other tables of the same runtime and precision.

        Args:
            index: The candidate that was just returned.
            accuracy: The measured top-1 in per cent.
        """
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
