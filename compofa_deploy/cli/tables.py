"""``compofa tables``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.table_summary import print_summary, summarise_table
from compofa_deploy.cli.tables_export import export_command
from compofa_deploy.cli.tables_import import import_command
from compofa_deploy.cli.tables_list import list_command
from compofa_deploy.cli.tables_plot import plot_command

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable

table_argument = click.argument("table", type=TableFile())


@click.group("tables")
def command() -> None:
    """Latency tables: list, show, predict, validate, plot, compare, import, export.

    A TABLE is a file, or the name of one that ships, as the list shows it.

    \b
    Example:
      compofa tables list
      compofa tables predict cpu.json 23344@32 44444@32
    """


for subcommand in (list_command, plot_command, import_command, export_command):
    command.add_command(subcommand)


@command.command("show")
@table_argument
@options.json_option
def show(table: Path, as_json: bool) -> None:
    """Show what a table is for, its error, and its layers.

    \b
    Example:
      compofa tables show cpu.json
    """
    from latency_tables.table import LatencyTable

    loaded = LatencyTable.load(table)
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


@command.command("predict")
@table_argument
@click.argument("subnets", nargs=-1, required=True)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="The confidence of the interval.",
)
@options.json_option
def predict(table: Path, subnets: tuple[str, ...], confidence: float, as_json: bool) -> None:
    """Predict the latency of subnets, with an interval where the table states its error.

    \b
    Example:
      compofa tables predict cpu.json 23344@32
    """
    from compofa_deploy import api

    loaded = api.load_table(table)
    difference = api.describe_other_version(loaded)
    if difference:
        warn(difference)
    predictions = api.predict(loaded, subnets, confidence)
    if as_json:
        found = [
            {"subnet": p.subnet.id, "latency_ms": p.latency_ms, "low_ms": p.low_ms, "high_ms": p.high_ms}
            for p in predictions
        ]
        print_json({"confidence": confidence if loaded.states_error else None, "predictions": found})
        return
    rows = [
        (
            p.subnet.id,
            *("unknown" if ms is None else format_ms(ms) for ms in (p.latency_ms, p.low_ms, p.high_ms)),
        )
        for p in predictions
    ]
    print_table("", ("subnet", ">predicted", f">low ({confidence:.0%})", ">high"), rows)


@command.command("validate")
@table_argument
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
def validate_table(table: Path, networks: int, seed: int, mode: str, as_json: bool) -> None:
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


@command.command("compare")
@table_argument
@click.argument("other", type=TableFile())
@options.json_option
def compare_tables(table: Path, other: Path, as_json: bool) -> None:
    """Compare two tables: the ratio second / first of their predictions, and the errors of both.

    \b
    Example:
      compofa tables compare before.json after.json
    """
    from compofa_deploy.tables.compare import HIGH, LOW, compare
    from latency_tables.table import LatencyTable

    first, second = LatencyTable.load(table), LatencyTable.load(other)
    found = compare(first, second)
    if as_json:
        tables = [summarise_table(path, t) for path, t in ((table, first), (other, second))]
        print_json({**found.to_dict(), "tables": tables})
        return
    sides = ", ".join(map(str, found.resolutions))
    rows = [
        ("subnets", f"{found.subnets} at {sides} px"),
        ("first", str(table)),
        ("second", str(other)),
        ("second / first", f"{found.median_ratio:.4f} (median), {found.low_ratio:.4f} to {found.high_ratio:.4f} "
                  f"(percentiles {LOW} to {HIGH})"),
        *([] if found.speed is None else [
            ("at one speed", f"{found.steady_ratio:.4f}: the reference took {found.speed:.4f} times as long"),
        ]),
        ("rank correlation", f"{found.rank_correlation:.4f}"),
        ("differ in", "; ".join(found.differences) or "nothing but when they were made"),
    ]  # fmt: skip
    print_table("", ("", ""), rows)
    errors = zip(_list_errors(first), _list_errors(second), strict=True)
    print_table("", ("", "first", "second"), [(word, mine, its) for (word, mine), (_, its) in errors])


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


def _list_errors(table: LatencyTable) -> list[tuple[str, str]]:
    validation, error = table.validation, table.error
    return [
        ("made", table.created[:16]),
        ("MAPE, left one out", f"{error.mape:.2%}" if error else "unknown"),
        ("noise between sessions", f"{error.noise_floor:.2%}" if error else "unknown"),
        ("90% interval", f"+-{table.margin(0.9):.1%}" if table.states_error else "unknown"),
        ("MAPE, held out", f"{validation.error.mape:.2%}" if validation else "not validated"),
        ("noise floor", f"{validation.error.noise_floor:.2%}" if validation else "not validated"),
    ]
