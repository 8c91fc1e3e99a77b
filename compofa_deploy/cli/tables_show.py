"""``compofa tables show``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.table_summary import print_summary, summarise_table


@click.command("show")
@click.argument("table", type=TableFile())
@options.json_option
def show_command(table: Path, as_json: bool) -> None:
    """Show what a table is for, its error, and its layers.

    \b
    Example:
      compofa tables show cpu.json
    """
    from compofa_deploy import api

    loaded = api.load_table(table)
    if as_json:
        print_json(
            {
                **summarise_table(table, loaded),
                "costs_ms": loaded.costs_ms,
                "costs_at_ms": {str(resolution): costs for resolution, costs in loaded.costs_at.items()},
                "intercept_ms": loaded.intercept_ms,
            }
        )
        return
    print_summary(table, loaded)
    rows = [
        (key, format_ms(loaded.layers_ms[key]), format_ms(ms))
        for key, ms in sorted(loaded.costs_ms.items(), key=lambda entry: -entry[1])
    ]
    print_table("", ("layer", ">by itself", ">in a network"), rows)
    for resolution, costs in sorted(loaded.costs_at.items()):
        own = [(key, format_ms(ms)) for key, ms in sorted(costs.items(), key=lambda entry: -entry[1])]
        print_table("", (f"layer, at {resolution} px alone", ">in a network"), own)
