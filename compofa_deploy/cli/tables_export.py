"""``compofa tables export``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, warn
from compofa_deploy.cli.table_file import TableFile


@click.command("export")
@click.argument("table", type=TableFile())
@click.option(
    "--format", "kind", type=click.Choice(["ofa", "csv"]), default="ofa", show_default=True,
    help="ofa: a folder of YAML files, one for each resolution; csv: one file with a layer in each row.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="The folder or file to write.",
)
@options.json_option
def export_command(table: Path, kind: str, output: Path, as_json: bool) -> None:
    """Write a table for other programs: Once-For-All's YAML, or a CSV.

    The plain sum over a network's layers is the table's prediction, and each layer's cost is near the time that it
    takes by itself. Cache contention is not a sum over layers; the error that it leaves is printed.

    \b
    Example:
      compofa tables export cpu.json --format ofa -o cpu
    """
    from compofa_deploy import api

    written = api.export_table(api.load_table(table), output, kind)
    if written.largest_error:
        warn(
            f"the table's cache contention is no sum of layers: sums of these files are off its predictions by up to "
            f"{written.largest_error:.1%}"
        )
    if as_json:
        files = [str(path) for path in written.files]
        print_json({"format": kind, "files": files, "largest_error": written.largest_error})
        return
    for path in written.files:
        echo(path)
