"""Alpha spending: how much of the error rate each interim test of a comparison may use.

A comparison that tests its data several times, and stops at the first clear answer, is wrong more often than each
single test is. So the error is spent over the tests. When the share t of the time has passed, t squared of the error
may have been spent (Lan and DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70, 1983). The
errors of all tests add up to the whole. By the union bound, this sum limits how often any of them is wrong, whatever
their dependence.
"""

from __future__ import annotations

from compofa_deploy.bench.verdict import Verdict, decide
from compofa_deploy.bench.weighted_sign_test import Interval, count_needed_blocks

INTERIM_SHARES = (0.4, 0.6, 0.8, 1.0)
"""Shares of the time at which a comparison tests. Before the first, there are too few blocks for a useful interval."""
SPARE_BLOCKS = 3
"""A comparison ends with this many blocks more than an interval needs, even where that exceeds its time limit."""


class AlphaSpending:
    """The error budget of one comparison.

    Args:
        error: The probability, for either end of the interval, of being wrong in any of the tests.

    >>> spending = AlphaSpending(0.01)
    >>> [round(spending.spend(share, blocks=100), 4) for share in (0.3, 0.45, 0.5, 0.6)]
    [0.0, 0.0016, 0.0, 0.002]
    """

    def __init__(self, error: float) -> None:
        self.error = error
        self._spent = 0.0
        self._share = 0.0

    @property
    def fewest_blocks(self) -> int:
        """The number of blocks that a comparison needs at least before it may end."""
        return count_needed_blocks(find_last_error(self.error)) + SPARE_BLOCKS

    def spend(self, share: float, blocks: int) -> float:
        """Spend the error of the next test, if one is due.

        Args:
            share: The share of the time that has passed, 0 to 1.
            blocks: The number of blocks measured so far.

        Returns:
            The error that the test may use for either end of its interval; 0 where no test is due.
        """
        reached = max((at for at in INTERIM_SHARES if at <= share), default=0.0)
        error = self.error * reached**2 - self._spent
        if reached <= self._share or blocks < count_needed_blocks(error):
            return 0.0
        self._share = reached
        self._spent += error
        return error


def find_last_error(error: float) -> float:
    """The part of ``error`` that is left for the last test, where all tests before it took place."""
    return error * (1 - INTERIM_SHARES[-2] ** 2)


def is_settled(interval: Interval, max_regression: float) -> bool:
    """Whether more blocks are unlikely to change the answer.

    A model that is surely not slower may still turn out to be faster. Such a comparison goes on to its end.

    Args:
        interval: The interval of the ratio new / old.
        max_regression: The largest acceptable slowdown, relative, above 0.
    """
    verdict = decide(interval.low, interval.high, max_regression)
    if verdict is Verdict.SAME:
        return interval.low > 1 / (1 + max_regression)
    return verdict is not Verdict.COULD_NOT_TELL
