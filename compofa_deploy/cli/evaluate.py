"""``compofa evaluate``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress

if TYPE_CHECKING:
    from compofa_deploy.evaluation.table import AccuracyTable


@click.command("evaluate")
@options.supernet_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Folder with train.parquet and test.parquet.",
)
@options.resolutions_option
@click.option(
    "--runtime",
    default="",
    help="Run the graphs as they are exported to this runtime, in a precision of it, instead of the layers in torch.",
)
@click.option("--device", default="", help="With --runtime: its device  [default: its first, the CPU].")
@options.precision_option
@click.option(
    "--threads", type=click.IntRange(1), help="Threads  [default: torch's; with --runtime, all cores]."
)
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Accuracy of every subnet of a supernet, on validation and test images.

    Runs along the tree of shared stage prefixes. One that is interrupted goes on with the resolution it was at.

    With --runtime and a precision, what the deployed graphs lose or gain by that precision is in the table. Under the
    name of the supernet's table with .RUNTIME-PRECISION put before .accuracy.json, deploy and search find it.

    \b
    Example:
      compofa evaluate --supernet runs/supernet.safetensors --data cifar10 -o runs/supernet.accuracy.json
      compofa evaluate --runtime openvino --precision bf16 --data cifar10 -o mine.openvino-bf16.accuracy.json
    """  # fmt: skip
    from compofa_deploy.cli.inputs import load_held_out
    from compofa_deploy.supernet.stored import load_supernet
    from latency_tables.errors import InputError

    if not given["runtime"] and (given["precision"] or given["device"]):
        raise InputError(
            "torch computes in f32 on the CPU; name the --runtime that --precision and --device are of"
        )
    supernet = load_supernet(given["supernet"])
    output: Path = given["output"]
    unfinished = output.with_name(f"{output.name}.partial")
    with show_progress() as display:
        display.on_step(f"reading {given['data']}")
        splits = load_held_out(given["data"], supernet, given["supernet"])
        table = _find_evaluation(given)(
            supernet,
            splits,
            given["resolutions"] or supernet.architecture.resolutions,
            data_name=str(supernet.origin.get("data", "")),
            made_by=shlex.join(["compofa", *sys.argv[1:]]),
            partial=unfinished,
            on_progress=lambda what, done, total: display.on_count(f"evaluating {what}", done, total),
        )
    table.save(output)
    unfinished.unlink(missing_ok=True)
    test = table.accuracy("test")
    if given["as_json"]:
        print_json({
            "accuracy_table": str(output), "subnets": int(test.size), "best_test": float(test.max()),
            "mean_test": float(test.mean()), "worst_test": float(test.min()),
        })  # fmt: skip
    else:
        click.echo(
            f"{output}: {test.size} subnets, test top-1 {test.min():.2f} to {test.max():.2f} %, "
            f"mean {test.mean():.2f} %"
        )


def _find_evaluation(given: dict[str, Any]) -> Callable[..., AccuracyTable]:
    """In torch, or by the runtime that was asked for."""
    if not given["runtime"]:
        from compofa_deploy.evaluation.evaluate import evaluate
        from compofa_deploy.training.process import set_threads

        set_threads(given["threads"])
        return evaluate
    from compofa_deploy.cli.inputs import find_spec
    from compofa_deploy.evaluation.exported import evaluate_exported
    from profilers.environment import read_machine

    threads = given["threads"] or read_machine().usable_threads
    return partial(evaluate_exported, spec=find_spec({**given, "threads": threads, "batch": 1}))
