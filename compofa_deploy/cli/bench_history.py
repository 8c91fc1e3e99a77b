"""``compofa bench history``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, warn

LABEL_CHARACTERS = 12


@click.command("history")
@click.argument("history", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help='Draw the medians over runs, as .svg or .png. Needs the extra "report".',
)
@options.json_option
def history_command(history: Path, output: Path | None, as_json: bool) -> None:
    """Show and draw the history that compofa bench run --append wrote.

    \b
    Example:
      compofa bench history history.jsonl -o history.svg
    """
    from compofa_deploy import api

    found = api.read_history(history)
    for text in found.broken:
        warn(f"a line does not count: {text}")
    if output is not None:
        api.write_history_figure(found, output)
    if as_json:
        entries = [
            {"created": e.created, "label": e.label, "bundles": [s.to_dict() for s in e.bundles]}
            for e in found.entries
        ]
        print_json({"entries": entries, "broken": list(found.broken), "figure": output and str(output)})
        return
    rows = [
        (
            entry.created[5:16].replace("T", " "),
            entry.label[:LABEL_CHARACTERS],
            summary.name,
            format_ms(summary.median_ms),
            f"± {format_ms((summary.high_ms - summary.low_ms) / 2)}",
            f"{summary.baseline_ratio:.3f}",
            "in doubt" if summary.doubts else "",
        )
        for entry in found.entries
        for summary in entry.bundles
    ]
    print_table("", ("when", "what", "bundle", ">median", ">95 %", ">x baseline", ""), rows)
    if output is not None:
        echo(str(output))
