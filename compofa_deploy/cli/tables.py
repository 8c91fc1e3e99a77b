"""``compofa tables``."""

from __future__ import annotations

import click

from compofa_deploy.cli.tables_compare import compare_command
from compofa_deploy.cli.tables_export import export_command
from compofa_deploy.cli.tables_import import import_command
from compofa_deploy.cli.tables_list import list_command
from compofa_deploy.cli.tables_plot import plot_command
from compofa_deploy.cli.tables_predict import predict_command
from compofa_deploy.cli.tables_show import show_command
from compofa_deploy.cli.tables_validate import validate_command


@click.group("tables")
def command() -> None:
    """Latency tables: list, show, predict, validate, plot, compare, import, export.

    A TABLE is a file, or the name of one that ships, as the list shows it.

    \b
    Example:
      compofa tables list
      compofa tables predict cpu.json 23344@32 44444@32
    """


for subcommand in (
    list_command,
    show_command,
    predict_command,
    validate_command,
    plot_command,
    compare_command,
    import_command,
    export_command,
):
    command.add_command(subcommand)
