"""Comparisons as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from compofa_deploy.bench.outputs.formatting import format_change, format_interval, summarise
from compofa_deploy.bench.verdict import Comparison, Verdict, find_floor

SIGNS = {
    Verdict.SAME: ":white_check_mark:",
    Verdict.FASTER: ":rocket:",
    Verdict.SLOWER: ":x:",
    Verdict.COULD_NOT_TELL: ":grey_question:",
}
MARKER = "<!-- compofa bench compare -->"
"""The first line of each comment, by which a later run finds and replaces it."""


def write_markdown(comparisons: Sequence[Comparison], warnings: Sequence[str] = ()) -> str:
    """The comment's text: a summary, a table, and remarks. It needs at least one comparison."""
    rows = [
        f"| {SIGNS[c.verdict]} {c.verdict.value} | {_escape(c.model)} | {format_change(c.ratio)} | "
        f"{format_interval(c)} | {c.old_ms:.3f} ms | {c.new_ms:.3f} ms | {c.blocks} in {c.seconds:.0f} s |"
        for c in comparisons
    ]
    remarks = [
        f"- {_escape(c.model)}: {_escape(text)}" for c in comparisons for text in (c.reason, *c.notes) if text
    ]
    remarks += [f"- {_escape(warning)}" for warning in warnings]
    limit = comparisons[0].max_regression
    footer = (
        f"A regression of {limit:.2%} or more is found, one below {find_floor(limit):.2%} fails no build, one in "
        "between may go either way."
    )
    return "\n".join([
        MARKER,
        f"### Latency: {summarise(comparisons)}",
        "",
        "| | model | change | surely within | old | new | blocks |",
        "|---|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        *([*remarks, ""] if remarks else []),
        footer,
        "",
    ])  # fmt: skip


def _escape(text: str) -> str:
    """Escape a text for a table cell or a line, so that a user's names do not become markup."""
    for character in "\\`*_{}[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
