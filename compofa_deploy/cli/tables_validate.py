"""``compofa tables validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table, show_progress
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.table_summary import summarise_table

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable


@click.command("validate")
@click.argument("table", type=TableFile())
@click.option(
    "--networks",
    type=click.IntRange(2),
    default=60,
    show_default=True,
    help="The number of subnets to measure.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The seed by which the subnets are drawn.",
)
@click.option(
    "--mode",
    type=click.Choice(["quick", "full"]),
    default="full",
    show_default=True,
    help="How thoroughly to measure each subnet.",
)
@options.json_option
def validate_command(table: Path, networks: int, seed: int, mode: str, as_json: bool) -> None:
    """Measure random subnets that did not calibrate the table, and store the table's error in it.

    This needs the machine that the table was measured on. Each subnet is measured twice, which tells the noise. A run
    that is interrupted goes on where it stopped.

    \b
    Example:
      compofa tables validate cpu.json --networks 60
    """
    from compofa_deploy import api

    with show_progress() as display:
        validated = api.validate(table, networks, seed, mode, display)
    if as_json:
        print_json(summarise_table(table, validated))
        return
    print_table("", ("", ""), list_validation(validated))


def list_validation(table: LatencyTable) -> list[tuple[str, str]]:
    """Returns the rows of a validation; none where the table was not validated."""
    found = table.validation
    if found is None:
        return []
    error = found.error
    return [
        ("held-out networks", f"{error.n}, none used in the fit"),
        ("MAPE", f"{error.mape:.2%}"),
        ("within 5 %", f"{error.within_5:.1%}"),
        ("within 10 %", f"{error.within_10:.1%}"),
        (
            "rank correlation",
            f"{error.rank_correlation:.4f} ({found.noise_rank_correlation:.4f} between two measurements)",
        ),
        (f"{found.confidence:.0%} intervals", f"held {found.coverage:.1%}"),
        ("bias", f"{found.bias:+.2%}"),
        ("drift", f"networks of the table took {found.speed - 1:+.2%} longer than then; taken out above"),
        ("noise floor", f"{error.noise_floor:.2%} between two measurements of one network"),
    ]
