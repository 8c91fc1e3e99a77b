"""``compofa verify``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, show_progress, warn


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--no-latency", is_flag=True, help="Do not measure the latency.")
@options.json_option
def command(bundle: Path, no_latency: bool, as_json: bool) -> None:
    """Check a bundle: its hashes, its numbers against the stored reference, and its latency against the budget.

    The exit code is 1 where a check fails.

    \b
    Example:
      compofa verify bundle
    """
    from compofa_deploy import api

    with show_progress() as display:
        report = api.verify(bundle, not no_latency, display)
    for doubt in report.doubts:
        warn(f"the measured latency is in doubt: {doubt}")
    if as_json:
        print_json({"bundle": str(bundle), "verified": True, **report.to_dict()})
        return
    measured, budget = report.measured, report.budget_ms
    latency = "not measured"
    if measured is not None:
        kept = f", keeps {format_ms(budget)}" if budget is not None else ", no budget"
        interval = f"[{format_ms(measured.low_ms)}, {format_ms(measured.high_ms)}]"
        latency = f"{format_ms(measured.latency_ms)}  {interval}{kept}"
    rows = [
        ("hashes", "right"),
        (
            "numbers",
            f"within {report.largest_difference:.1g} of the reference (tolerance {report.tolerance:g})",
        ),
        ("latency", latency),
    ]
    if report.elsewhere:
        rows.append(("device", report.elsewhere))
    print_table("", ("", ""), rows)
