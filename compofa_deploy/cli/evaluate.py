"""``compofa evaluate``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import quote_command
from compofa_deploy.cli.output import echo, print_json, show_progress
from compofa_deploy.cli.skipped import SkippedImages
from compofa_deploy.space.space_names import LISTED_SPACE, SPACES

if TYPE_CHECKING:
    from compofa_deploy.accuracy.table import AccuracyTable
    from compofa_deploy.evaluation.sampled import SampledAccuracies


@click.command("evaluate")
@options.supernet_option
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="FOLDER",
              help="The folder of images that the supernet was trained on.")  # fmt: skip
@click.option("--test-split", default="", metavar="NAME",
              help="The split for reporting  [default: the first of test, val, validation with labels].")  # fmt: skip
@options.resolutions_option
@click.option("--runtime", default="",
              help="Run the graphs as they are exported to this runtime, in a precision of it, instead of the layers "
              "in torch.")  # fmt: skip
@click.option("--device", default="",
              help="Where torch computes: auto, cpu, cuda or cuda:1  [default: auto, a GPU where there is one]. With "
              "--runtime, the runtime's device  [default: its first, the CPU].")  # fmt: skip
@options.precision_option
@click.option("--fronts", type=click.IntRange(1), metavar="N",
              help="With --runtime: evaluate only subnets of the first N fronts of accuracy in f32 over "
              "multiply-accumulates. Other subnets are then not picked in that precision.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1),
              help="The threads  [default: torch's own choice; with --runtime, all cores].")  # fmt: skip
@click.option("--space", type=click.Choice(SPACES), default=LISTED_SPACE, show_default=True,
              help="Every subnet of compofa is evaluated; the other spaces are sampled at random.")  # fmt: skip
@click.option("--subnets", type=click.IntRange(1), default=100, show_default=True, metavar="N",
              help="The number of subnets in a sample.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="The seed of the sample. A larger sample of one seed begins with the same subnets.")  # fmt: skip
@click.option("--calibration-images", type=click.IntRange(2), default=2000, show_default=True, metavar="N",
              help="The training images that each subnet of a sample is calibrated on.")  # fmt: skip
@options.output_file_option
@options.json_option
def command(
    supernet: str,
    data: Path,
    test_split: str,
    resolutions: tuple[int, ...] | None,
    runtime: str,
    device: str,
    precision: str,
    fronts: int | None,
    threads: int | None,
    space: str,
    subnets: int,
    seed: int,
    calibration_images: int,
    output: Path,
    as_json: bool,
) -> None:
    """Evaluate the accuracy of every subnet of a supernet, on validation and test images.

    The evaluation shares the work of stages that subnets have in common. An evaluation that is stopped, or killed, goes
    on with the same command. Processes that torchrun starts, on one machine or several, divide the work.

    With --runtime and a precision, the table holds the accuracy of the deployed graphs in that precision. deploy and
    search find it under the name of the supernet's table with .RUNTIME-PRECISION put before .accuracy.json.

    With --space, the output is a CSV of random subnets of that space on the validation images, for compofa accuracy
    fit.

    \b
    Example:
      compofa evaluate --supernet runs/supernet.safetensors --data cifar10 -o runs/supernet.accuracy.json
      compofa evaluate --runtime openvino --precision bf16 --data cifar10 -o mine.openvino-bf16.accuracy.json
      compofa evaluate --supernet elastic.safetensors --data cifar10 --space ofa --subnets 300 -o ofa.csv
      torchrun --nproc-per-node 8 -m compofa_deploy evaluate --supernet net.safetensors --data imagenet -o net.json
    """  # fmt: skip
    check_options(runtime, precision, fronts, space, output)
    from compofa_deploy import api

    # Without torch where a runtime was asked for.
    with nullcontext() if runtime else api.join_ranks() as ranks, show_progress() as display:
        # Every process reads all images, and one of them tells of it.
        is_first = ranks is None or ranks.is_first
        watcher = display if is_first else api.Watcher()
        on_skip = SkippedImages() if is_first else lambda skipped: None
        sides = resolutions or ()
        if ranks is None:
            exported = api.ExportedOptions(
                device=api.DeviceRequest(runtime, device, precision),
                threads=threads,
                resolutions=sides,
                test_split=test_split,
                fronts=fronts,
                command=quote_command(),
            )
            print_accuracies(
                output,
                api.evaluate_exported(supernet, data, output, exported, watcher, on_skip),
                as_json,
            )
        elif space == LISTED_SPACE:
            every = api.EvaluateOptions(
                resolutions=sides,
                test_split=test_split,
                device=device or "auto",
                threads=threads,
                command=quote_command(),
            )
            table = api.evaluate(supernet, data, output, every, watcher, on_skip, ranks)
            if is_first:
                print_accuracies(output, table, as_json)
        else:
            sample = api.SampleOptions(
                resolutions=sides,
                test_split=test_split,
                device=device or "auto",
                threads=threads,
                space=space,
                subnets=subnets,
                seed=seed,
                calibration_images=calibration_images,
            )
            found = api.evaluate_sample(supernet, data, output, sample, watcher, on_skip, ranks)
            if is_first:
                print_sample(output, space, found, as_json)


def check_options(runtime: str, precision: str, fronts: int | None, space: str, output: Path) -> None:
    """Checks that the options fit each other.

    Raises:
        InputError: An option belongs to another kind of evaluation.
    """
    from latency_tables.errors import InputError

    if not runtime and precision:
        raise InputError("torch computes in f32; name the --runtime that --precision is of")
    if not runtime and fronts:
        raise InputError("--fronts is for the graphs of a --runtime; name one, or leave it out")
    if space == LISTED_SPACE:
        return
    if runtime:
        raise InputError(f"--space {space} is evaluated in torch; leave --runtime out")
    if output.suffix != ".csv":
        raise InputError(f"{output}: accuracies of a sample are a .csv, for compofa accuracy fit; name it so")


def print_accuracies(output: Path, table: AccuracyTable, as_json: bool) -> None:
    """Prints the best, worst and mean test accuracy of a table.

    Args:
        output: The table's file.
        table: The table.
        as_json: Whether to print JSON.
    """
    import numpy as np

    test, top5 = table.accuracy("test"), table.top5_accuracy("test")
    test = test[~np.isnan(test)]
    if as_json:
        print_json({
            "accuracy_table": str(output), "subnets": int(test.size), "best_test": float(test.max()),
            "mean_test": float(test.mean()), "worst_test": float(test.min()),
            "mean_test_top5": None if top5 is None else float(top5.mean()),
            "images": dict(table.images), "seconds": table.seconds,
        })  # fmt: skip
        return
    also = "" if top5 is None else f", top-5 mean {top5.mean():.2f} %"
    took = "" if table.seconds is None else f", in {table.seconds:.0f} s"
    echo(
        f"{output}: {test.size} subnets, test top-1 {test.min():.2f} to {test.max():.2f} %, "
        f"mean {test.mean():.2f} %{also}, of {table.images['test']} images{took}"
    )


def print_sample(output: Path, space: str, found: SampledAccuracies, as_json: bool) -> None:
    """Prints the best, worst and mean validation accuracy of a sample.

    Args:
        output: The sample's file.
        space: The name of the space.
        found: The sample.
        as_json: Whether to print JSON.
    """
    top1, top5 = 100 * found.top1 / found.images, 100 * found.top5 / found.images
    if as_json:
        print_json({
            "accuracies": str(output), "space": space, "subnets": len(found.subnets), "images": found.images,
            "seconds": float(found.seconds.sum()), "best_validation": float(top1.max()),
            "mean_validation": float(top1.mean()), "worst_validation": float(top1.min()),
            "mean_validation_top5": float(top5.mean()),
        })  # fmt: skip
        return
    echo(
        f"{output}: {len(found.subnets)} subnets of {space}, validation top-1 {top1.min():.2f} to {top1.max():.2f} %, "
        f"mean {top1.mean():.2f} %, top-5 mean {top5.mean():.2f} %, of {found.images} images, in "
        f"{found.seconds.sum():.0f} s"
    )
