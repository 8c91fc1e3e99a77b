"""``compofa train``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import ProgressDisplay, print_json, show_progress
from compofa_deploy.cli.skipped import SkippedImages, print_accounts
from compofa_deploy.cli.train_cost import (
    add_cost,
    check_given,
    cost_options,
    measure_energy,
    watch,
    write_model_card,
)
from profilers.machine.clock import now_s

if TYPE_CHECKING:
    from compofa_deploy.data.splits import Splits
    from compofa_deploy.supernet.stored import StoredSupernet
    from compofa_deploy.torch_process.distributed import Ranks
    from compofa_deploy.training.machine import Machine
    from compofa_deploy.training.progress import TrainingProgress
    from compofa_deploy.training.trainer import Trainer

LINE_SECONDS = 30.0
"""How often a line is printed."""


@click.command("train")
@click.option("--recipe", required=True, metavar="NAME|FILE", help="A recipe that ships, or a .toml file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change the recipe, as in seed=3 or 'phases.*.epochs*=0.5'; may be given again.")  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Folder with train and test (or val): Parquet files, or folders with one folder of images for each class.",
)  # fmt: skip
@click.option("--teacher", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Of another training, or an imported supernet: what its first phase would make.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--precision", type=click.Choice(["f32", "bf16"]), default="f32", show_default=True,
              help="bf16: convolutions in bfloat16, weights in float32.")  # fmt: skip
@click.option("--images-at-once", type=click.IntRange(1), metavar="N",
              help="Most images that run at a time, to bound memory  [default: a process's share].")  # fmt: skip
@click.option("--workers", type=click.IntRange(0), metavar="N",
              help="Processes that decode what does not fit into memory  [default: the cores].")  # fmt: skip
@click.option("--checkpoint-minutes", type=click.FloatRange(min=0), default=5.0, show_default=True,
              help="How much work an accident may cost.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="Threads  [default: torch's].")
@click.option("--tensorboard", is_flag=True, help="Write OUTPUT/tensorboard as well.")
@click.option("--evaluate/--no-evaluate", "evaluates", default=True, show_default=True,
              help="Evaluate every subnet at the end, and draw the front.")  # fmt: skip
@cost_options
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="Where to write.")
@options.json_option
def command(**given: Any) -> None:
    """Train a supernet by a recipe, calibrate and evaluate all of its subnets, and write OUTPUT/supernet.safetensors.

    A training that was interrupted or killed goes on from OUTPUT/checkpoint.pt with the same command. Started by
    torchrun, its processes, on one machine or several, share each batch; it may go on with another number of them.

    \b
    Example:
      compofa train --recipe compofa-cifar10 --data cifar10 -o runs/cifar10
      compofa train --estimate --recipe compofa-imagenet
      compofa train --recipe claim-ofa-cifar10 --set seed=1 --data cifar10 --teacher a/teacher.safetensors -o b
      torchrun --nproc-per-node 8 -m compofa_deploy train --recipe compofa-imagenet --data imagenet -o runs/imagenet
    """  # fmt: skip
    from compofa_deploy.cli.train_estimate import estimate
    from compofa_deploy.torch_process.allocator import set_threads
    from compofa_deploy.torch_process.device import find_device
    from compofa_deploy.torch_process.distributed import join_ranks
    from compofa_deploy.training.machine import Machine, count_workers
    from compofa_deploy.training.recipe_file import load_recipe

    if not given["estimate"]:
        check_given(given)
    set_threads(given["threads"])
    device = find_device(given["device"])
    with join_ranks() as ranks:
        workers = count_workers() if given["workers"] is None else given["workers"]
        machine = Machine(device, ranks, given["precision"], given["images_at_once"], workers)
        if given["estimate"]:
            estimate(given, load_recipe(given["recipe"], given["changes"]), machine)
            return
        if ranks.is_first:
            with show_progress() as display:
                result = _train(given, machine, display)
            _print(result, given["as_json"])
        else:
            _train(given, machine, None)


def _train(given: dict[str, Any], machine: Machine, display: ProgressDisplay | None) -> dict[str, Any]:
    """What was made; only the first process has a display, and writes it."""
    from compofa_deploy.supernet.stored import save_supernet
    from compofa_deploy.training.recipe_file import load_recipe
    from compofa_deploy.training.teacher import save_teacher
    from compofa_deploy.training.trained_supernet import finish
    from compofa_deploy.training.trainer_setup import open_trainer

    output: Path = given["output"]
    recipe = load_recipe(given["recipe"], given["changes"])
    teller = _Teller(display)
    teller.step(f"reading {given['data']}")
    trainer, splits = open_trainer(
        recipe, given["data"], output, machine, teller.skip, given["teacher"], given["tensorboard"]
    )
    if machine.ranks.is_first:
        print_accounts(splits.accounts)
    if trainer.steps_done:
        teller.step(f"going on from step {trainer.steps_done} of {trainer.total_steps}")

    def keep_teacher(phase: Any) -> None:
        if phase.subnets == "largest" and machine.ranks.is_first:
            teller.step(f"{save_teacher(trainer, splits.train.class_names)} can teach other trainings")

    with measure_energy(given, output, machine.ranks.is_first) as meter:
        trainer.run(given["checkpoint_minutes"], watch(meter, teller.show), keep_teacher)
    teller.step("calibrating batch norm of 243 subnets")
    supernet = finish(trainer, splits.train, given["data"].resolve().name, teller.count)
    supernet = add_cost(supernet, trainer, meter, given["price"])
    path = output / "supernet.safetensors"
    result: dict[str, Any] = {
        "supernet": str(path),
        "digest": supernet.digest,
        "origin": dict(supernet.origin),
    }
    if machine.ranks.is_first:
        save_supernet(supernet, path)
    if given["evaluates"]:
        result |= _evaluate(supernet, splits, trainer, machine.ranks, output, teller)
    if machine.ranks.is_first:
        result |= write_model_card(supernet, path, result.get("accuracy_table"))
    return result


def _evaluate(
    supernet: StoredSupernet,
    splits: Splits,
    trainer: Trainer,
    ranks: Ranks,
    output: Path,
    teller: _Teller,
) -> dict[str, Any]:
    from compofa_deploy.data.decode import decode
    from compofa_deploy.data.splits import DataSplits
    from compofa_deploy.evaluation.evaluate import evaluate
    from compofa_deploy.evaluation.journal import remove_journal
    from compofa_deploy.report.front_figure import write_front_figure

    architecture = supernet.architecture
    path = output / "supernet.accuracy.json"
    partial = path.with_name(f"{path.name}.partial")
    validation, test = (decode(part, teller.skip) for part in (splits.validation, splits.test))
    table = evaluate(
        supernet,
        DataSplits(splits.train, validation, test),
        architecture.resolutions,
        str(supernet.origin["data"]),
        shlex.join(["compofa", *sys.argv[1:]]),
        partial,
        lambda side, done, total: teller.count(f"evaluating {side} px", done, total),
        trainer.machine.device,
        ranks,
    )
    if not ranks.is_first:
        return {}
    table.save(path)
    remove_journal(partial)
    accuracy = table.accuracy("validation")
    result = {
        "accuracy_table": str(path),
        "best_validation": float(accuracy.max()),
        "mean_validation": float(accuracy.mean()),
        "worst_validation": float(accuracy.min()),
    }
    try:
        write_front_figure(table, architecture, output / "front.svg")
    except ModuleNotFoundError:
        teller.step("the front is not drawn, which needs matplotlib: pip install '.[report]'")
        return result
    return {**result, "front": str(output / "front.svg")}


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    path = Path(result["supernet"])
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if "accuracy_table" in result:
        click.echo(
            f"{result['accuracy_table']}: validation top-1 {result['worst_validation']:.2f} to "
            f"{result['best_validation']:.2f} %, mean {result['mean_validation']:.2f} %"
        )
        click.echo(f"next: compofa deploy --supernet {path} --latency 1ms -o bundle")
    else:
        click.echo(f"next: compofa evaluate --supernet {path} ...")
    if "model_card" in result:
        click.echo(f"{result['model_card']}: the model card")


class _Teller:
    """Tells people how it goes: in the first process; the others have no display, and name unreadable images alone."""

    def __init__(self, display: ProgressDisplay | None) -> None:
        self.display = display
        self.skip = SkippedImages()
        self._last, self._phase = 0.0, ""

    def step(self, text: str) -> None:
        if self.display is not None:
            self.display.on_step(text)

    def count(self, what: str, done: int, total: int) -> None:
        if self.display is not None:
            self.display.on_count(what, done, total)

    def show(self, progress: TrainingProgress) -> None:
        now = now_s()
        self.count("training", progress.step, progress.total_steps)
        if progress.phase != self._phase or now - self._last >= LINE_SECONDS:
            self._last, self._phase = now, progress.phase
            self.step(progress.describe())
