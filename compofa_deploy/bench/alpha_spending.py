"""When a comparison looks at what it has, and how much of the error it may have spent by then.

Who looks often, and stops at the first answer that pleases, is wrong more often than each look is. So the error is
divided: by the share t of the time that has passed, t squared of it may be spent (Lan and DeMets, Discrete sequential
boundaries for clinical trials, Biometrika 70, 1983: a spending function). What the looks spend adds up to it, and the
sum bounds how often any of them is wrong, however they hang together.
"""

from __future__ import annotations

from compofa_deploy.bench.verdict import Verdict, decide
from compofa_deploy.bench.weighted_sign_test import Interval, count_needed

LOOKS_AT = (0.4, 0.6, 0.8, 1.0)
"""Shares of the time; before the first, blocks are too few for an interval that is worth anything."""
SPARE_BLOCKS = 3
"""How many more than make an interval at all a comparison ends with, even if that takes longer than it was given."""


class Looks:
    """The looks of one comparison, of which either end of any interval may be wrong with probability ``error``.

    >>> looks = Looks(0.01)
    >>> [round(looks.find_error(share, blocks=100), 4) for share in (0.3, 0.45, 0.5, 0.6)]
    [0.0, 0.0016, 0.0, 0.002]
    """

    def __init__(self, error: float) -> None:
        self.error = error
        self._spent = 0.0
        self._share = 0.0

    @property
    def fewest_blocks(self) -> int:
        """How many blocks a comparison ends with at least."""
        last = self.error * (1 - LOOKS_AT[-2] ** 2)
        return count_needed(last) + SPARE_BLOCKS

    def find_error(self, share: float, blocks: int) -> float:
        """What a look may spend when this share of the time has passed and there are so many blocks, which is spent
        by this; 0 where none is due."""
        reached = max((at for at in LOOKS_AT if at <= share), default=0.0)
        error = self.error * reached**2 - self._spent
        if reached <= self._share or blocks < count_needed(error):
            return 0.0
        self._share = reached
        self._spent += error
        return error


def is_settled(interval: Interval, max_regression: float) -> bool:
    """Whether there is nothing to wait for: an answer that more blocks would not be expected to change.

    What is surely not slower, and may yet be found faster, is worth the rest of the time.
    """
    verdict = decide(interval.low, interval.high, max_regression)
    if verdict is Verdict.SAME:
        return interval.low > 1 / (1 + max_regression)
    return verdict is not Verdict.COULD_NOT_TELL
