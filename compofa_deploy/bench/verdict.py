"""The answers of a comparison, and the rule that picks one.

An interval holds the ratio of the new latency to the old one. Let m be the largest acceptable slowdown, and let the
floor be m / 4. The answer is

- **slower** where the whole interval is above the floor, and a slowdown of m or more is not ruled out;
- **same** where a slowdown of m or more is ruled out;
- **faster** where the whole interval is below the floor's inverse;
- **could not tell** in all other cases.

So a slowdown of m is found, one below the floor never fails a build, and one in between may go either way. A test
against m itself would miss a slowdown of exactly m every other time. The space between the floor and m is a zone of
indifference (Wald, Sequential Analysis, 1947, section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from latency_tables.errors import EXIT_ANSWER_IS_NO, EXIT_COULD_NOT_MEASURE, EXIT_DONE

FLOOR_SHARE = 1 / 4
"""The floor, as a share of the largest acceptable slowdown. Only a ratio beyond the floor is slower or faster."""
ERROR_RATE = 0.005
"""The largest probability that one end of any interval is on the wrong side of the truth, over all models of a call.

An interval has two ends, so either of them is wrong at most twice as often."""


class Verdict(Enum):
    """An answer; its value is the text that people read."""

    SAME = "same"
    FASTER = "faster"
    SLOWER = "slower"
    COULD_NOT_TELL = "could not tell"

    @property
    def exit_code(self) -> int:
        """The exit code of a command that gives this answer."""
        codes = {Verdict.SLOWER: EXIT_ANSWER_IS_NO, Verdict.COULD_NOT_TELL: EXIT_COULD_NOT_MEASURE}
        return codes.get(self, EXIT_DONE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer for one model.

    Attributes:
        model: The model's name.
        ratio: The latency ratio new / old; ``low`` and ``high`` are the ends of its interval.
        verdict: The answer.
        max_regression: The largest acceptable slowdown, relative.
        old_ms: The old model's median call as observed. The ratio is more precise than new_ms / old_ms.
        new_ms: The new model's median call as observed.
        blocks: How many pairs of sessions, or sessions, the interval rests on.
        seconds: How long the models were measured.
        reason: Why there is no clear answer; empty where there is one.
        notes: Further facts for the reader, such as settings in which the two models differ.
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
    """The error of one end of one model's interval, where one call compares several models.

    Each end of all intervals together is then wrong with a probability of at most :data:`ERROR_RATE` (Bonferroni).

    >>> allow_error(1), allow_error(4)
    (0.005, 0.00125)
    """
    return ERROR_RATE / models


def find_floor(max_regression: float) -> float:
    """The slowdown, relative, that a ratio must surely exceed to be called slower.

    >>> find_floor(0.03)
    0.0075
    """
    return FLOOR_SHARE * max_regression


def decide(low: float, high: float, max_regression: float) -> Verdict:
    """The answer for an interval of the ratio new / old.

    Args:
        low: The interval's lower end, above 0.
        high: The interval's upper end, finite.
        max_regression: The largest acceptable slowdown, relative, above 0.

    Raises:
        ValueError: The three numbers are no interval with such a limit.

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
    """The exit code of a call. One slower model outweighs any number of models without a clear answer."""
    codes = {comparison.verdict.exit_code for comparison in comparisons}
    return next((code for code in (EXIT_ANSWER_IS_NO, EXIT_COULD_NOT_MEASURE) if code in codes), EXIT_DONE)
