"""Texts that all outputs share."""

from __future__ import annotations

from collections.abc import Sequence

from compofa_deploy.bench.verdict import Comparison, Verdict, find_exit_code
from latency_tables.errors import EXIT_ANSWER_IS_NO, EXIT_DONE


def format_change(ratio: float) -> str:
    """A ratio as a change in percent.

    >>> format_change(1.0312), format_change(0.9), format_change(1.0)
    ('+3.1 %', '-10.0 %', '+0.0 %')
    """
    return f"{(ratio - 1) * 100:+.1f} %".replace("-0.0 %", "+0.0 %")


def format_interval(comparison: Comparison) -> str:
    """The ends of the interval, as changes in percent."""
    return f"{format_change(comparison.low)} to {format_change(comparison.high)}"


def summarise(comparisons: Sequence[Comparison]) -> str:
    """The answer of a call in one line."""
    counts = {verdict: sum(c.verdict is verdict for c in comparisons) for verdict in Verdict}
    models = "1 model" if len(comparisons) == 1 else f"{len(comparisons)} models"
    found = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    heads = {EXIT_DONE: "no regression", EXIT_ANSWER_IS_NO: "slower"}
    head = heads.get(find_exit_code(comparisons), "could not tell")
    limit = f"{comparisons[0].max_regression:.3%}".rstrip("0%").rstrip(".")
    return f"{head} ({models}: {found}; at most {limit} % is allowed)"
