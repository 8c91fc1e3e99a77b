"""``compofa bench compare``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.units import Duration, Share

if TYPE_CHECKING:
    from compofa_deploy.bench.verdict import Comparison

PARTS = 100
"""The steps of a progress bar."""
INTERRUPTED = "interrupted; nothing is kept of a comparison that has not ended"


@click.command("compare")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--max-regression",
    type=Share(),
    default="3%",
    show_default=True,
    help="How much slower must not get through; less than a quarter of it never fails.",
)
@click.option(
    "--limit",
    "limit_ms",
    type=Duration(),
    default="9s",
    show_default=True,
    help="The longest that a model may take; clear answers come sooner.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a comment for a pull request.",
)
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JUnit XML."
)
@options.json_option
def compare_command(
    old: Path,
    new: Path,
    max_regression: float,
    limit_ms: float,
    markdown: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Compare the models of NEW with those of OLD, measured side by side on this machine.

    Both are bundles, or folders of bundles, which are compared by their names; or both are files that compofa bench run
    wrote on this machine, at whatever times. Answers: same, faster, slower, could not tell; exit codes 0, 0, 1 and 3.

    \b
    Example:
      compofa bench compare old new --max-regression 3%
      compofa bench compare main/bundles bundles --markdown comment.md --junit latency.xml
    """
    from compofa_deploy import api
    from compofa_deploy.bench.outputs.junit import write_junit
    from compofa_deploy.bench.outputs.markdown import write_markdown
    from latency_tables.files import replace_file

    warnings: tuple[str, ...] = ()
    if old.is_file() and new.is_file():
        comparisons = api.compare_results(old, new, max_regression)
    else:
        comparisons, warnings = _compare_bundles(old, new, max_regression, limit_ms / 1000)
    contents = {markdown: write_markdown(comparisons, warnings).encode(), junit: write_junit(comparisons)}
    for path, content in contents.items():
        if path is not None:
            with replace_file(path) as file:
                file.write(content)
    code = api.find_exit_code(comparisons)
    for warning in warnings:
        warn(warning)
    if as_json:
        print_json({
            "exit_code": code,
            "max_regression": max_regression,
            "comparisons": [comparison.to_dict() for comparison in comparisons],
            "warnings": list(warnings),
        })  # fmt: skip
    else:
        print_comparisons(comparisons)
    sys.exit(code)


def _compare_bundles(
    old: Path, new: Path, max_regression: float, limit_s: float
) -> tuple[list[Comparison], tuple[str, ...]]:
    from compofa_deploy import api

    try:
        with show_progress() as display:
            begun: set[str] = set()

            def show(name: str, share: float) -> None:
                if name not in begun:
                    begun.add(name)
                    display.on_step(f"comparing {name}, for {limit_s:g} s at most")
                display.on_count(name, round(share * PARTS), PARTS)

            found = api.compare_bundles(old, new, max_regression, limit_s, show)
            return list(found.comparisons), found.warnings
    except KeyboardInterrupt:
        raise KeyboardInterrupt(INTERRUPTED) from None


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Prints a row for each model, its notes, and the overall answer."""
    from compofa_deploy.bench.outputs.formatting import format_change, format_interval, summarise

    rows = [
        (
            comparison.model,
            comparison.verdict.value,
            format_change(comparison.ratio),
            format_interval(comparison),
            format_ms(comparison.old_ms),
            format_ms(comparison.new_ms),
            f"{comparison.blocks} in {comparison.seconds:.1f} s",
        )
        for comparison in comparisons
    ]
    print_table("", ("model", "answer", ">change", ">surely within", ">old", ">new", ">blocks"), rows)
    for comparison in comparisons:
        for text in (comparison.reason, *comparison.notes):
            if text:
                echo(f"{comparison.model}: {text}")
    echo(summarise(comparisons))
