"""``compofa evaluate``."""

from __future__ import annotations

import shlex
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import ProgressDisplay, print_json, show_progress, warn
from compofa_deploy.cli.search_space import LISTED, SPACES
from compofa_deploy.cli.skipped import SkippedImages, print_accounts

if TYPE_CHECKING:
    from compofa_deploy.accuracy.table import AccuracyTable
    from compofa_deploy.data.splits import DataSplits
    from compofa_deploy.supernet.stored import StoredSupernet
    from compofa_deploy.torch_process.distributed import Ranks


@click.command("evaluate")
@options.supernet_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="The folder of images that it was trained on.",
)
@click.option("--test-split", default="", metavar="NAME",
              help="The split for reporting  [default: the first of test, val, validation with labels].")  # fmt: skip
@options.resolutions_option
@click.option(
    "--runtime",
    default="",
    help="Run the graphs as they are exported to this runtime, in a precision of it, instead of the layers in torch.",
)
@click.option(
    "--device", default="",
    help="Where torch computes: auto, cpu, cuda or cuda:1  [default: auto, a GPU where there is one]; with --runtime, "
    "its device  [default: its first, the CPU].",
)  # fmt: skip
@options.precision_option
@click.option("--fronts", type=click.IntRange(1), metavar="N",
              help="With --runtime: only subnets of the first N fronts of accuracy in f32 over multiply-accumulates; "
              "the others are then not picked in that precision.")  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(1), help="Threads  [default: torch's; with --runtime, all cores]."
)
@click.option("--space", type=click.Choice(SPACES), default=LISTED, show_default=True,
              help="Of compofa every subnet is evaluated; of the others a random sample.")  # fmt: skip
@click.option("--subnets", type=click.IntRange(1), default=100, show_default=True, metavar="N",
              help="How many of a space that is sampled.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Which subnets these are; more of the same seed begin with the same ones.")  # fmt: skip
@click.option("--calibration-images", type=click.IntRange(2), default=2000, show_default=True, metavar="N",
              help="Training images that each of these is calibrated on.")  # fmt: skip
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Accuracy of every subnet of a supernet, on validation and test images.

    Runs along the tree of shared stage prefixes. One that is stopped, or killed, goes on with the same command. Started
    by torchrun, its processes, on one machine or several, divide the tree among them.

    With --runtime and a precision, what the deployed graphs lose or gain by that precision is in the table. Under the
    name of the supernet's table with .RUNTIME-PRECISION put before .accuracy.json, deploy and search find it.

    With --space, a CSV of random subnets of that space on the validation images, for compofa accuracy fit.

    \b
    Example:
      compofa evaluate --supernet runs/supernet.safetensors --data cifar10 -o runs/supernet.accuracy.json
      compofa evaluate --runtime openvino --precision bf16 --data cifar10 -o mine.openvino-bf16.accuracy.json
      compofa evaluate --supernet elastic.safetensors --data cifar10 --space ofa --subnets 300 -o ofa.csv
      torchrun --nproc-per-node 8 -m compofa_deploy evaluate --supernet net.safetensors --data imagenet -o net.json
    """  # fmt: skip
    from compofa_deploy.cli.inputs import load_held_out
    from compofa_deploy.supernet.stored import load_supernet

    _check(given)
    supernet = load_supernet(given["supernet"])
    with _join(given) as ranks, show_progress() as display:
        # Every process reads all images, and one of them tells of it.
        tells = ranks is None or ranks.is_first
        if tells:
            display.on_step(f"reading {given['data']}")
        on_skip = SkippedImages() if tells else lambda skipped: None
        splits = load_held_out(given["data"], supernet, given["supernet"], on_skip, given["test_split"])
        if tells:
            print_accounts(splits.accounts)
        if given["space"] != LISTED and ranks is not None:
            _evaluate_sampled(given, supernet, splits, display, ranks)
        else:
            _evaluate_all(given, supernet, splits, display, ranks)


def _check(given: dict[str, Any]) -> None:
    from latency_tables.errors import InputError

    if not given["runtime"] and given["precision"]:
        raise InputError("torch computes in f32; name the --runtime that --precision is of")
    if not given["runtime"] and given["fronts"]:
        raise InputError("--fronts is for the graphs of a --runtime; name one, or leave it out")
    if given["space"] == LISTED:
        return
    if given["runtime"]:
        raise InputError(f"--space {given['space']} is evaluated in torch; leave --runtime out")
    if given["output"].suffix != ".csv":
        raise InputError(
            f"{given['output']}: accuracies of a sample are a .csv, for compofa accuracy fit; name it so"
        )


def _join(given: dict[str, Any]) -> AbstractContextManager[Ranks | None]:
    """The processes that torchrun started; without torch where a runtime was asked for."""
    if given["runtime"]:
        return nullcontext(None)
    from compofa_deploy.torch_process.distributed import join_ranks

    return join_ranks()


def _evaluate_all(
    given: dict[str, Any],
    supernet: StoredSupernet,
    splits: DataSplits,
    display: ProgressDisplay,
    ranks: Ranks | None,
) -> None:
    output: Path = given["output"]
    unfinished = output.with_name(f"{output.name}.partial")
    asked: dict[str, Any] = {
        "supernet": supernet,
        "splits": splits,
        "resolutions": given["resolutions"] or supernet.architecture.resolutions,
        "data_name": str(supernet.origin.get("data", "")),
        "made_by": shlex.join(["compofa", *sys.argv[1:]]),
        "partial": unfinished,
        "on_progress": lambda what, done, total: display.on_count(f"evaluating {what}", done, total),
        "on_note": warn,
    }
    if ranks is None:
        table = _evaluate_exported(given, asked)
        table.save(output)
        unfinished.unlink(missing_ok=True)
        _print_table(given, table)
        return
    from compofa_deploy.evaluation.evaluate import evaluate
    from compofa_deploy.evaluation.journal import remove_journal
    from compofa_deploy.torch_process.allocator import set_threads
    from compofa_deploy.torch_process.device import find_device

    set_threads(given["threads"])
    table = evaluate(**asked, device=find_device(given["device"] or "auto"), ranks=ranks)
    if ranks.is_first:
        table.save(output)
    ranks.gather(None)
    remove_journal(unfinished)
    if ranks.is_first:
        _print_table(given, table)
        _write_card(given, supernet, table)


def _evaluate_exported(given: dict[str, Any], asked: dict[str, Any]) -> AccuracyTable:
    from compofa_deploy.cli.inputs import find_spec, load_accuracies
    from compofa_deploy.deploy.exported_accuracy import evaluate_exported, list_promising
    from profilers.machine.environment import read_machine

    threads, wanted = given["threads"] or read_machine().usable_threads, None
    if given["fronts"]:
        accuracies = load_accuracies(None, given["supernet"])
        wanted = list_promising(asked["supernet"], accuracies, given["fronts"])
    return evaluate_exported(
        **asked, spec=find_spec({**given, "threads": threads, "batch": 1}), wanted=wanted
    )


def _evaluate_sampled(
    given: dict[str, Any],
    supernet: StoredSupernet,
    splits: DataSplits,
    display: ProgressDisplay,
    ranks: Ranks,
) -> None:
    from compofa_deploy.evaluation.journal import remove_journal
    from compofa_deploy.evaluation.sampled import evaluate_sampled
    from compofa_deploy.space.choice_arrays import find_space
    from compofa_deploy.torch_process.allocator import set_threads
    from compofa_deploy.torch_process.device import find_device

    set_threads(given["threads"])
    output: Path = given["output"]
    unfinished = output.with_name(f"{output.name}.partial")
    found = evaluate_sampled(
        supernet,
        splits,
        find_space(given["space"]),
        given["subnets"],
        given["resolutions"] or supernet.architecture.resolutions,
        given["seed"],
        given["calibration_images"],
        unfinished,
        lambda done, total: display.on_count("evaluating subnets", done, total),
        find_device(given["device"] or "auto"),
        ranks,
        warn,
    )
    if ranks.is_first:
        found.save(output)
    ranks.gather(None)
    remove_journal(unfinished)
    if not ranks.is_first:
        return
    top1, top5 = 100 * found.top1 / found.images, 100 * found.top5 / found.images
    if given["as_json"]:
        print_json({
            "accuracies": str(output), "space": given["space"], "subnets": len(found.subnets), "images": found.images,
            "seconds": float(found.seconds.sum()), "best_validation": float(top1.max()),
            "mean_validation": float(top1.mean()), "worst_validation": float(top1.min()),
            "mean_validation_top5": float(top5.mean()),
        })  # fmt: skip
    else:
        click.echo(
            f"{output}: {len(found.subnets)} subnets of {given['space']}, validation top-1 {top1.min():.2f} to "
            f"{top1.max():.2f} %, mean {top1.mean():.2f} %, top-5 mean {top5.mean():.2f} %, of {found.images} images, "
            f"in {found.seconds.sum():.0f} s"
        )


def _write_card(given: dict[str, Any], supernet: StoredSupernet, table: AccuracyTable) -> None:
    """The accuracies go into the model card as well, where the table is the one beside a supernet trained here."""
    from compofa_deploy.training.model_card import write_card

    path = Path(given["supernet"])
    if "phases" in supernet.origin and given["output"] == path.with_name(f"{path.stem}.accuracy.json"):
        write_card(supernet, path, table)


def _print_table(given: dict[str, Any], table: AccuracyTable) -> None:
    import numpy as np

    test, top5 = table.accuracy("test"), table.top5_accuracy("test")
    test = test[~np.isnan(test)]
    if given["as_json"]:
        print_json({
            "accuracy_table": str(given["output"]), "subnets": int(test.size), "best_test": float(test.max()),
            "mean_test": float(test.mean()), "worst_test": float(test.min()),
            "mean_test_top5": None if top5 is None else float(top5.mean()),
            "images": dict(table.images), "seconds": table.seconds,
        })  # fmt: skip
        return
    also = "" if top5 is None else f", top-5 mean {top5.mean():.2f} %"
    took = "" if table.seconds is None else f", in {table.seconds:.0f} s"
    click.echo(
        f"{given['output']}: {test.size} subnets, test top-1 {test.min():.2f} to {test.max():.2f} %, "
        f"mean {test.mean():.2f} %{also}, of {table.images['test']} images{took}"
    )
