"""``compofa deploy``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.units import Duration

if TYPE_CHECKING:
    from latency_tables.table import ErrorSummary


@click.command("deploy")
@click.option("--latency", type=Duration(), required=True, help="The budget, as in 2ms or 850us.")
@options.percentile_option
@options.constraint_options
@options.supernet_option
@options.accuracy_option
@options.device_options
@click.option(
    "--mode",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How thoroughly to profile where no table fits this machine.",
)
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """From a latency budget to a verified, measured bundle on this machine.

    Profiles this machine (or finds the table of an earlier run), picks the most accurate subnet that is predicted to
    keep the budget, exports it, checks its numbers and measures it; where it breaks the budget, the next candidate,
    until one keeps it.

    \b
    Example:
      compofa deploy --latency 2ms -o bundle
      compofa deploy --latency 500us --percentile 99 --threads 2 -o bundle --json
    """  # fmt: skip
    from compofa_deploy.cache import Cache
    from compofa_deploy.cli.inputs import find_spec, list_constraints, load_accuracies
    from compofa_deploy.deploy import Job, deploy
    from compofa_deploy.supernet.stored import load_supernet

    started = time.monotonic()
    supernet = load_supernet(given["supernet"])
    spec = find_spec(given)
    job = Job(
        supernet,
        load_accuracies(given["accuracy"], given["supernet"]),
        spec,
        given["latency"],
        int(given["percentile"]),
        tuple(list_constraints(given)),
        None if given["max_size"] is None else int(given["max_size"]),
        shlex.join(["compofa", *sys.argv[1:]]),
    )
    with show_progress() as watcher:
        deployed = deploy(job, given["output"], Cache.default(), watcher, given["mode"])
    for doubt in deployed.doubts:
        warn(f"the measured latency is in doubt: {doubt}")
    seconds = time.monotonic() - started
    deployment = deployed.bundle.deployment
    if given["as_json"]:
        chosen = deployment.model_dump(mode="json", include=_SHOWN)
        print_json({
            "bundle": str(given["output"]),
            **chosen,
            "resolution": deployment.input.shape[-1],
            "device_spec": spec.describe(),
            "table": "measured" if deployed.measured_table else "cached",
            "table_error": _summarise_error(deployed.table.error),
            "doubts": list(deployed.doubts),
            "seconds": round(seconds, 2),
        })  # fmt: skip
        return
    _print_deployed(given["output"], deployment, spec.describe(), seconds)


def _summarise_error(error: ErrorSummary | None) -> dict[str, float] | None:
    return None if error is None else {"mape": error.mape, "noise_floor": error.noise_floor}


_SHOWN = {
    "subnet",
    "model",
    "weights",
    "accuracy",
    "budget",
    "predicted",
    "measured",
    "tried",
    "macs",
    "params",
}


def _print_deployed(folder: Path, deployment: Any, device: str, seconds: float) -> None:
    predicted, measured, budget = deployment.predicted, deployment.measured, deployment.budget
    which = "median" if budget.percentile == 50 else f"p{budget.percentile}"
    rows = [
        ("subnet", deployment.subnet),
        (
            "accuracy",
            f"{deployment.accuracy.test:.2f} % test, {deployment.accuracy.validation:.2f} % validation",
        ),
        ("budget", f"{format_ms(budget.limit_ms)} ({which})"),
        (
            "predicted",
            f"{format_ms(predicted.latency_ms)}  [{format_ms(predicted.low_ms)}, {format_ms(predicted.high_ms)}]",
        ),
        (
            "measured",
            f"{format_ms(measured.latency_ms)}  [{format_ms(measured.low_ms)}, {format_ms(measured.high_ms)}]",
        ),
        ("size", f"{deployment.size_bytes / 1e6:.2f} MB, {deployment.macs / 1e6:.1f} M MACs"),
        ("device", device),
        ("tried before", ", ".join(t.subnet for t in deployment.tried) or "none"),
        ("bundle", f"{folder}, in {seconds:.1f} s"),
    ]
    print_table("", ("", ""), rows)
