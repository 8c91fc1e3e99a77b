"""``compofa tables plot``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json
from compofa_deploy.cli.table_file import TableFile


@click.command("plot")
@click.argument("table", type=TableFile())
@options.output_file_option
@options.json_option
def plot_command(table: Path, output: Path, as_json: bool) -> None:
    """Draw what a table predicts against what was measured, as .svg or .png.

    The networks are those that validated the table. Where it was not validated, they are the networks that calibrated
    it, each left out of the fit in turn. The band is the 90 % interval. Needs the extra "report".

    \b
    Example:
      compofa tables plot cpu.json -o cpu.svg
    """
    from compofa_deploy import api

    points = api.plot_table(api.load_table(table), output)
    if as_json:
        print_json({"figure": str(output), "networks": len(points.measured_ms), "of": points.what})
        return
    echo(f"{output}: {len(points.measured_ms)} networks, {points.what}")
