"""``compofa evaluate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress


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
@click.option("--threads", type=click.IntRange(1), help="Threads  [default: torch's].")
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Accuracy of every subnet of a supernet, on validation and test images.

    Runs along the tree of shared stage prefixes. One that is interrupted goes on with the resolution it was at.

    \b
    Example:
      compofa evaluate --supernet runs/supernet.safetensors --data cifar10 -o runs/supernet.accuracy.json
    """  # fmt: skip
    from compofa_deploy.evaluation.evaluate import evaluate
    from compofa_deploy.supernet.stored import load_supernet
    from compofa_deploy.training.data import load_splits
    from compofa_deploy.training.process import set_threads
    from latency_tables.errors import InputError

    set_threads(given["threads"])
    supernet = load_supernet(given["supernet"])
    settings = supernet.origin.get("data_settings")
    held_out = ("validation_images", "split_seed")
    if not isinstance(settings, dict) or any(not isinstance(settings.get(word), int) for word in held_out):
        raise InputError(
            f"{given['supernet']}: does not say which images were held out of its training; train it with compofa train"
        )
    output: Path = given["output"]
    partial = output.with_name(f"{output.name}.partial")
    with show_progress() as display:
        display.on_step(f"reading {given['data']}")
        splits = load_splits(given["data"], *(settings[word] for word in held_out))
        resolutions = given["resolutions"] or supernet.architecture.resolutions
        table = evaluate(
            supernet,
            splits,
            resolutions,
            str(supernet.origin.get("data", "")),
            shlex.join(["compofa", *sys.argv[1:]]),
            partial,
            lambda what, done, total: display.on_count(f"evaluating {what}", done, total),
        )
    table.save(output)
    partial.unlink(missing_ok=True)
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
