"""``compofa tables plot``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json
from compofa_deploy.cli.table_file import TableFile


@click.command("plot")
@click.argument("table", type=TableFile())
@options.output_option
@options.json_option
def plot_command(table: Path, output: Path, as_json: bool) -> None:
    """Draw what a table predicts against what was measured, as .svg or .png.

    Of the networks that validated it; of those that calibrated it, each left out of the fit, where it was not
    validated. The band is the 90 % interval. Needs the extra "report".

    \b
    Example:
      compofa tables plot cpu.json -o cpu.svg
    """
    from compofa_deploy.report.table_figure import find_points, write_figure
    from latency_tables.table import LatencyTable

    loaded = LatencyTable.load(table)
    points = find_points(loaded)
    write_figure(loaded, output)
    if as_json:
        print_json({"figure": str(output), "networks": len(points.measured_ms), "of": points.what})
        return
    click.echo(f"{output}: {len(points.measured_ms)} networks, {points.what}")
