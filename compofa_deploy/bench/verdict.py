"""What a comparison answers, and when it may.

An interval holds the ratio of the new latency to the old one. With a largest regression m that is allowed, and a floor
of m / 4,

- **slower**: the ratio is surely above the floor, and m or more has not been ruled out;
- **same**: m or more has been ruled out;
- **faster**: the ratio is surely below the floor's inverse;
- **could not tell**: none of these.

So a regression of m is found, one below the floor never fails a build, and one in between may go either way: whoever
tests against m itself finds a regression of m every other time (Wald, Sequential Analysis, 1947, section 2.2: a zone
of indifference).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from latency_tables.errors import EXIT_ANSWER_IS_NO, EXIT_COULD_NOT_MEASURE, EXIT_DONE

FLOOR_SHARE = 1 / 4
"""Of the largest regression that is allowed; a ratio that is not surely beyond it is not called slower or faster."""
ERROR_RATE = 0.005
"""How often an end of an interval may be on the wrong side of the truth, for one call with all of its models."""


class Verdict(Enum):
    """An answer, with its words."""

    SAME = "same"
    FASTER = "faster"
    SLOWER = "slower"
    COULD_NOT_TELL = "could not tell"

    @property
    def exit_code(self) -> int:
        """What a command ends with that gives this answer."""
        codes = {Verdict.SLOWER: EXIT_ANSWER_IS_NO, Verdict.COULD_NOT_TELL: EXIT_COULD_NOT_MEASURE}
        return codes.get(self, EXIT_DONE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model's answer. ``ratio`` is new / old, ``low`` and ``high`` are the ends of its interval.

    ``old_ms`` and ``new_ms`` are latencies as they were measured; the ratio is known better than by dividing them.
    ``reason`` says why it could not be told; empty where it could. ``blocks`` are what the interval is made of, pairs
    or sessions; ``notes`` are what the reader must know besides, as settings in which the two differ.
    """

    model: str
    ratio: float
    low: float
    high: float
    verdict: Verdict
    max_regression: float
    old_ms: float
    new_ms: float
    blocks: int
    seconds: float
    reason: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {**asdict(self), "verdict": self.verdict.value, "notes": list(self.notes)}


def allow_error(models: int) -> float:
    """How often one end of one model's interval may be wrong where so many are compared in one call, so that the call
    as a whole is wrong at most in :data:`ERROR_RATE` of times (Bonferroni).

    >>> allow_error(1), allow_error(4)
    (0.005, 0.00125)
    """
    return ERROR_RATE / models


def find_floor(max_regression: float) -> float:
    """The regression, relative, that a ratio must surely be beyond to be called slower.

    >>> find_floor(0.03)
    0.0075
    """
    return FLOOR_SHARE * max_regression


def decide(low: float, high: float, max_regression: float) -> Verdict:
    """The answer that an interval of the ratio new / old gives; ``max_regression`` is relative, above 0.

    >>> decide(0.99, 1.01, 0.03), decide(1.02, 1.05, 0.03), decide(0.99, 1.05, 0.03)
    (<Verdict.SAME: 'same'>, <Verdict.SLOWER: 'slower'>, <Verdict.COULD_NOT_TELL: 'could not tell'>)
    """
    if not 0 < low <= high < math.inf or not max_regression > 0:
        raise ValueError(f"no interval of a ratio: {low} to {high}, with at most {max_regression}")
    floor = 1 + find_floor(max_regression)
    if high < 1 / floor:
        return Verdict.FASTER
    if high < 1 + max_regression:
        return Verdict.SAME
    return Verdict.SLOWER if low > floor else Verdict.COULD_NOT_TELL


def find_exit_code(comparisons: Iterable[Comparison]) -> int:
    """The exit code of a call: that of one slower model before that of one that could not be told."""
    codes = {comparison.verdict.exit_code for comparison in comparisons}
    return next((code for code in (EXIT_ANSWER_IS_NO, EXIT_COULD_NOT_MEASURE) if code in codes), EXIT_DONE)
