"""One trajectory of the local search: the subnets that it has found and not yet expanded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compofa_deploy.space.choice_arrays import ChoiceArray


@dataclass(eq=False)
class Trajectory:
    """One trajectory of the search, at one resolution.

    Attributes:
        at: The index of the resolution.
        start: (20,): the first place, which may exceed the limit.
        open: The accuracy of each subnet found by this trajectory and not yet expanded, by key.
        best: The best accuracy so far.
        steps: The number of steps.
        stalled: The number of steps since the best accuracy last rose.
    """

    at: int
    start: ChoiceArray
    open: dict[bytes, float] = field(default_factory=dict)
    best: float = -np.inf
    steps: int = 0
    stalled: int = 0

    def take_next(self) -> ChoiceArray:
        """Remove the best subnet that was not yet expanded, and return it."""
        if not self.open:
            return self.start
        key = max(self.open, key=self.open.__getitem__)
        del self.open[key]
        return decode_key(key)[0]


def decode_key(key: bytes) -> tuple[ChoiceArray, int]:
    """Return the row of choices (20,) and the index of the resolution that a key stands for."""
    row = np.frombuffer(key, np.uint8).astype(np.int64)
    return row[:-1], int(row[-1])
