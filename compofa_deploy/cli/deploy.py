"""``compofa deploy``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.skipped import SkippedImages, print_accounts
from compofa_deploy.cli.units import Duration
from profilers.machine.clock import now_s

if TYPE_CHECKING:
    from compofa_deploy.deploy.loop import Compared, Deployed
    from latency_tables.device import DeviceSpec
    from latency_tables.validation import ErrorSummary


@click.command("deploy")
@click.option("--latency", type=Duration(), required=True, help="The budget, as in 2ms or 850us.")
@options.percentile_option
@options.constraint_options
@options.supernet_option
@options.accuracy_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="The images of compofa evaluate, to measure what a lower precision costs where no table says it.",
)
@options.searched_device_options
@click.option(
    "--mode",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How thoroughly to profile where no table fits this machine.",
)
@options.output_folder_option
@options.json_option
def command(**given: Any) -> None:
    """From a latency budget to a verified, measured bundle on this machine.

    Profiles this machine (or finds the table of an earlier run), picks the most accurate subnet that is predicted to
    keep the budget, exports it, checks its numbers and measures it; where it breaks the budget, the next candidate,
    until one keeps it.

    With --runtime auto the pick is a subnet, a resolution, a runtime, a precision and a number of threads. What is
    named is kept: --threads 1 looks at one thread alone. A precision below f32 counts with the accuracy that was
    measured in it (see compofa evaluate --runtime), and is left out where nobody did.

    \b
    Example:
      compofa deploy --latency 2ms -o bundle
      compofa deploy --latency 1ms --runtime auto -o bundle
      compofa deploy --latency 500us --percentile 99 --threads 2 -o bundle --json
    """  # fmt: skip
    from compofa_deploy.accuracy.beside_supernet import load_by_precision
    from compofa_deploy.cli.inputs import find_specs
    from compofa_deploy.data.held_out import load_held_out
    from compofa_deploy.deploy.loop import Job, deploy
    from compofa_deploy.search.limits import Limits
    from compofa_deploy.supernet.stored import load_supernet
    from compofa_deploy.tables.cache import Cache

    started = now_s()
    supernet = load_supernet(given["supernet"])
    accuracies = load_by_precision(given["accuracy"], given["supernet"])
    specs, left_out = find_specs(given, accuracies)
    with show_progress() as watcher:
        for left in left_out:
            watcher.on_step(f"left out: {left.what}: {left.why}")
        data = given["data"]
        images = data and load_held_out(data, supernet, given["supernet"], SkippedImages())
        print_accounts(images.accounts if images else ())
        limits = Limits(
            max_size_bytes=given["max_size"],
            max_macs=given["max_macs"],
            max_params=given["max_params"],
            min_accuracy=given["min_accuracy"],
        )
        job = Job(
            supernet,
            accuracies,
            tuple(specs),
            given["latency"],
            int(given["percentile"]),
            tuple(limits.list_constraints()),
            None if given["max_size"] is None else int(given["max_size"]),
            shlex.join(["compofa", *sys.argv[1:]]),
            images,
        )
        deployed = deploy(job, given["output"], Cache.default(), watcher, given["mode"])
    deployment, spec = deployed.bundle.deployment, deployed.chosen.table.spec
    for doubt in deployed.doubts:
        warn(f"the measured latency is in doubt: {doubt}")
    if deployment.accuracy is not None and deployment.accuracy.precision != spec.precision:
        warn(
            f"the accuracy is that of {deployment.accuracy.precision}: nobody has measured it in {spec.precision} on "
            f"{spec.runtime}; give images with --data"
        )
    seconds = now_s() - started
    if given["as_json"]:
        chosen = {key: value for key, value in deployment.to_dict().items() if key in _SHOWN}
        print_json({
            "bundle": str(given["output"]),
            **chosen,
            "resolution": deployment.input.shape[-1],
            "device_spec": spec.describe(),
            **_show_settings(spec),
            "table": deployed.chosen.origin,
            "table_error": _summarise_error(deployed.chosen.table.error),
            "doubts": list(deployed.doubts),
            "compared": list(map(_show_compared, deployed.compared)),
            "left_out": [{"what": left.what, "why": left.why} for left in (*left_out, *deployed.left_out)],
            "seconds": round(seconds, 2),
        })  # fmt: skip
        return
    if len(deployed.compared) > 1:
        _print_compared(deployed)
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


def _show_settings(spec: DeviceSpec) -> dict[str, Any]:
    from compofa_deploy.search.candidates import SETTINGS

    return {word: getattr(spec, word) for word in SETTINGS}


def _show_compared(compared: Compared) -> dict[str, Any]:
    table = compared.found.table
    return {
        "device_spec": table.spec.describe(),
        **_show_settings(table.spec),
        "table": compared.found.origin,
        "table_error": _summarise_error(table.error),
        "best": compared.best,
        "accuracy_assumed": compared.assumed,
    }


def _print_compared(deployed: Deployed) -> None:
    rows = []
    for compared in deployed.compared:
        found, spec = compared.best, compared.found.table.spec
        cells = ("none", "", "", "")
        if found is not None:
            assumed = " of f32" if compared.assumed else ""
            latency, upper = format_ms(found["latency_ms"]), format_ms(found["latency_upper_ms"])
            cells = (found["subnet"], f"{found['accuracy']:.2f}{assumed}", latency, upper)
        rows.append((spec.describe_settings(), *cells, compared.found.origin))
    title = "The best of each by prediction, under the same limits:"
    print_table(title, ("device spec", "subnet", ">val. %", ">predicted", ">at most", "table"), rows)
    click.echo()


def _print_deployed(folder: Path, deployment: Any, device: str, seconds: float) -> None:
    predicted, measured, budget = deployment.predicted, deployment.measured, deployment.budget
    which = "median" if budget.percentile == 50 else f"p{budget.percentile}"
    accuracy = deployment.accuracy
    rows = [
        ("subnet", deployment.subnet),
        (
            "accuracy",
            f"{accuracy.test:.2f} % test, {accuracy.validation:.2f} % validation, in {accuracy.precision}",
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
