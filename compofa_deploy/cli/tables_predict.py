"""``compofa tables predict``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, warn
from compofa_deploy.cli.table_file import TableFile


@click.command("predict")
@click.argument("table", type=TableFile())
@click.argument("subnets", nargs=-1, required=True)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="The confidence of the interval.",
)
@options.json_option
def predict_command(table: Path, subnets: tuple[str, ...], confidence: float, as_json: bool) -> None:
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
