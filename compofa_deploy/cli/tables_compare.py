"""``compofa tables compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.table_summary import summarise_table

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable


@click.command("compare")
@click.argument("table", type=TableFile())
@click.argument("other", type=TableFile())
@options.json_option
def compare_command(table: Path, other: Path, as_json: bool) -> None:
    """Compare two tables: the ratio second / first of their predictions, and the errors of both.

    \b
    Example:
      compofa tables compare before.json after.json
    """
    from compofa_deploy import api
    from compofa_deploy.tables.compare import HIGH, LOW

    first, second = api.load_table(table), api.load_table(other)
    found = api.compare_tables(first, second)
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
