"""``compofa train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import quote_command
from compofa_deploy.cli.output import ProgressDisplay, echo, print_json, show_progress
from compofa_deploy.cli.skipped import SkippedImages
from compofa_deploy.cli.train_estimate import print_estimate
from profilers.machine.clock import now_s

if TYPE_CHECKING:
    from compofa_deploy.training.progress import TrainingProgress
    from compofa_deploy.training.train import TrainResult

LINE_SECONDS = 30.0
"""The seconds between two lines of progress."""


@click.command("train")
@click.option("--recipe", required=True, metavar="NAME|FILE", help="A recipe that ships, or a .toml file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change the recipe, as in seed=3 or 'phases.*.epochs*=0.5'; may be repeated.")  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="A folder with train and test (or val): Parquet files, or folders with one folder of images for each class.",
)  # fmt: skip
@click.option("--teacher", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The teacher of another training, or an imported supernet. It replaces the recipe's first "
              "phase.")  # fmt: skip
@click.option("--teacher-logits", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A teacher's logits of the training images, for a recipe that distils from a file.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--precision", type=click.Choice(["f32", "bf16"]), default="f32", show_default=True,
              help="bf16: convolutions in bfloat16, weights in float32.")  # fmt: skip
@click.option("--images-at-once", type=click.IntRange(1), metavar="N",
              help="The most images that run at a time, which limits the memory  [default: a process's "
              "share].")  # fmt: skip
@click.option("--workers", type=click.IntRange(0), metavar="N",
              help="The processes that decode images that do not fit into memory  [default: the cores].")  # fmt: skip
@click.option("--checkpoint-minutes", type=click.FloatRange(min=0), default=5.0, show_default=True,
              help="The minutes between checkpoints: the most work that a crash loses.")  # fmt: skip
@options.threads_of_torch_option
@click.option("--tensorboard", is_flag=True, help="Also write OUTPUT/tensorboard.")
@click.option("--evaluate/--no-evaluate", "evaluates", default=True, show_default=True,
              help="Evaluate every subnet at the end, and draw the front.")  # fmt: skip
@click.option("--estimate", is_flag=True,
              help="Print what the training costs, and do not train. With --data a few steps are measured here; "
              "without it the cost is for the GPUs that the published systems were trained on.")  # fmt: skip
@click.option("--price", type=click.FloatRange(min=0), metavar="DOLLARS",
              help="What an hour of the machine, or of each GPU, costs.")  # fmt: skip
@click.option("--carbon", default="", metavar="COUNTRY",
              help="Measure energy and CO2 with the electricity of a country, as in DEU (needs the extra "
              "carbon).")  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="The folder to write to."
)
@options.json_option
def command(
    recipe: str,
    changes: tuple[str, ...],
    data: Path | None,
    teacher: Path | None,
    teacher_logits: Path | None,
    device: str,
    precision: Literal["f32", "bf16"],
    images_at_once: int | None,
    workers: int | None,
    checkpoint_minutes: float,
    threads: int | None,
    tensorboard: bool,
    evaluates: bool,
    estimate: bool,
    price: float | None,
    carbon: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Train a supernet by a recipe, calibrate and evaluate all of its subnets, and write OUTPUT/supernet.safetensors.

    A training that was interrupted or killed goes on from OUTPUT/checkpoint.pt with the same command. Processes that
    torchrun starts, on one machine or several, share each batch. A training may go on with another number of processes.

    \b
    Example:
      compofa train --recipe compofa-cifar10 --data cifar10 -o runs/cifar10
      compofa train --estimate --recipe compofa-imagenet
      compofa train --recipe claim-ofa-cifar10 --set seed=1 --data cifar10 --teacher a/teacher.safetensors -o b
      torchrun --nproc-per-node 8 -m compofa_deploy train --recipe compofa-imagenet --data imagenet -o runs/imagenet
    """  # fmt: skip
    from compofa_deploy import api

    wanted = api.TrainOptions(
        recipe=recipe,
        changes=changes,
        teacher=teacher,
        teacher_logits=teacher_logits,
        device=device,
        precision=precision,
        images_at_once=images_at_once,
        workers=workers,
        threads=threads,
        checkpoint_minutes=checkpoint_minutes,
        tensorboard=tensorboard,
        evaluates=evaluates,
        price=price,
        carbon=carbon,
        command=quote_command(),
    )
    if estimate:
        with api.join_ranks() as ranks, show_progress() as display:
            found = api.estimate(data, wanted, display, SkippedImages(), ranks)
        print_estimate(*found, as_json)
        return
    folder, place = check_given(data, "--data"), check_given(output, "-o")
    with api.join_ranks() as ranks:
        skipped = SkippedImages()
        if not ranks.is_first:
            # The other processes name unreadable images, and show nothing else.
            api.train(folder, place, wanted, on_skip=skipped, ranks=ranks)
            return
        with show_progress() as display:
            show = TrainingLines(display)
            result = api.train(folder, place, wanted, display, show, skipped, ranks)
        print_result(result, as_json)


def check_given(path: Path | None, option: str) -> Path:
    """Checks that a training has a path that an estimate does without.

    Args:
        path: The path, or ``None`` where it was not given.
        option: The option's name, for the message.

    Raises:
        InputError: The path was not given.
    """
    from latency_tables.errors import InputError

    if path is None:
        raise InputError(
            f"{option} is missing, and --estimate alone does without it; see compofa train --help"
        )
    return path


def print_result(result: TrainResult, as_json: bool) -> None:
    """Prints the files of a training and the accuracies of its subnets.

    Args:
        result: What was trained.
        as_json: Whether to print JSON.
    """
    validation = None if result.accuracies is None else result.accuracies.accuracy("validation")
    if as_json:
        shown: dict[str, Any] = {
            "supernet": str(result.path),
            "digest": result.supernet.digest,
            "origin": dict(result.supernet.origin),
        }
        if validation is not None:
            shown |= {
                "accuracy_table": str(result.accuracy_path),
                "best_validation": float(validation.max()),
                "mean_validation": float(validation.mean()),
                "worst_validation": float(validation.min()),
            }
        shown |= {} if result.front is None else {"front": str(result.front)}
        shown |= {} if result.model_card is None else {"model_card": str(result.model_card)}
        print_json(shown)
        return
    echo(f"{result.path}: {result.path.stat().st_size / 1e6:.1f} MB")
    if validation is None:
        echo(f"next: compofa evaluate --supernet {result.path} ...")
    else:
        echo(
            f"{result.accuracy_path}: validation top-1 {validation.min():.2f} to {validation.max():.2f} %, mean "
            f"{validation.mean():.2f} %"
        )
        echo(f"next: compofa deploy --supernet {result.path} --latency 1ms -o bundle")
    if result.model_card is not None:
        echo(f"{result.model_card}: the model card")


class TrainingLines:
    """Shows the progress of a training: a bar, and a line every :data:`LINE_SECONDS` and at each new phase."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        self._last, self._phase = 0.0, ""

    def __call__(self, progress: TrainingProgress) -> None:
        now = now_s()
        self._display.on_count("training", progress.step, progress.total_steps)
        if progress.phase != self._phase or now - self._last >= LINE_SECONDS:
            self._last, self._phase = now, progress.phase
            self._display.on_step(progress.describe())
