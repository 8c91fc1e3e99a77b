"""``compofa deploy``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import quote_command
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.skipped import SkippedImages
from compofa_deploy.cli.units import Latency
from profilers.machine.clock import now_s

if TYPE_CHECKING:
    from compofa_deploy.deploy.loop import Compared, Deployed
    from latency_tables.device import DeviceSpec
    from latency_tables.validation import ErrorSummary


@click.command("deploy")
@click.option(
    "--latency", "latency_ms", type=Latency(), required=True, help="The budget, as in 2ms, 850us or 30fps."
)
@options.percentile_option
@options.constraint_options
@options.supernet_option
@options.accuracy_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="The images of compofa evaluate, to measure the accuracy of a lower precision where no table states it.",
)
@options.searched_device_options
@click.option(
    "--mode",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How thoroughly to profile where no table fits this machine.",
)
@click.option(
    "--accept-doubtful",
    is_flag=True,
    help="Use a kept table although it was measured on a disturbed machine, instead of measuring again.",
)
@options.output_folder_option
@options.json_option
def command(
    latency_ms: float,
    percentile: int,
    max_size: int | None,
    max_macs: int | None,
    max_params: int | None,
    min_accuracy: float | None,
    supernet: str,
    accuracy: Path | None,
    data: Path | None,
    runtime: str,
    device: str,
    precision: str,
    threads: int | None,
    batch: int,
    target_platform: str | None,
    mode: str,
    accept_doubtful: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Find, export and measure the most accurate subnet that keeps a latency budget on this machine.

    The command profiles this machine, or finds the table of an earlier run. It picks the most accurate subnet that is
    predicted to keep the budget, exports it, checks its numbers and measures it. Where the subnet breaks the budget,
    the next candidate is tried, until one keeps it.

    With --runtime auto the choice is among subnets, resolutions, runtimes, precisions and numbers of threads. An option
    that is given limits the choice: --threads 1 compares one thread only. A precision below f32 counts with the
    accuracy that was measured in it (see compofa evaluate --runtime), and is left out where nobody measured it.

    \b
    Example:
      compofa deploy --latency 2ms -o bundle
      compofa deploy --latency 1ms --runtime auto -o bundle
      compofa deploy --latency 500us --percentile 99 --threads 2 -o bundle --json
    """  # fmt: skip
    from compofa_deploy import api

    started = now_s()
    wanted = api.DeployOptions(
        latency_ms=latency_ms,
        percentile=percentile,
        max_size_bytes=max_size,
        max_macs=max_macs,
        max_params=max_params,
        min_accuracy=min_accuracy,
        runtime=runtime,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch,
        target_platform=target_platform or "",
        data=data,
        mode=mode,
        accept_doubtful=accept_doubtful,
        command=quote_command(),
    )
    with show_progress() as display:
        deployed = api.deploy(output, wanted, supernet, accuracy, display, SkippedImages())
    deployment, spec = deployed.bundle.deployment, deployed.chosen.table.spec
    for doubt in deployed.doubts:
        warn(f"the latency is in doubt: {doubt}")
    if deployment.accuracy is not None and deployment.accuracy.precision != spec.precision:
        warn(
            f"the accuracy is that of {deployment.accuracy.precision}: nobody has measured it in {spec.precision} on "
            f"{spec.runtime}; give images with --data"
        )
    seconds = now_s() - started
    if as_json:
        print_json({"bundle": str(output), **describe_deployed(deployed), "seconds": round(seconds, 2)})
        return
    if len(deployed.compared) > 1:
        _print_compared(deployed)
    _print_deployed(output, deployment, spec.describe(), seconds)


def describe_deployed(deployed: Deployed) -> dict[str, Any]:
    """Describes a deployment in a JSON-ready form.

    Args:
        deployed: The bundle, and how it was found.
    """
    deployment, spec = deployed.bundle.deployment, deployed.chosen.table.spec
    chosen = {key: value for key, value in deployment.to_dict().items() if key in _SHOWN}
    return {
        **chosen,
        "resolution": deployment.input.shape[-1],
        "device_spec": spec.describe(),
        **_show_settings(spec),
        "table": deployed.chosen.origin,
        "table_error": _summarise_error(deployed.chosen.table.error),
        "doubts": list(deployed.doubts),
        "compared": list(map(_show_compared, deployed.compared)),
        "left_out": [{"what": left.what, "why": left.why} for left in deployed.left_out],
    }


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
    echo()


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
