"""A whole training: from a recipe and a folder of images to an evaluated supernet with its model card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import place_beside
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.data.decode import OnSkip, decode
from compofa_deploy.data.splits import DataSplits, Splits
from compofa_deploy.evaluation.evaluate_to_file import evaluate_to_file
from compofa_deploy.evaluation.options import EvaluateOptions
from compofa_deploy.supernet.stored import StoredSupernet, save_supernet
from compofa_deploy.torch_process.allocator import set_threads
from compofa_deploy.torch_process.device import find_device
from compofa_deploy.torch_process.distributed import Ranks
from compofa_deploy.training.cost import count_spent
from compofa_deploy.training.energy import EnergyMeter
from compofa_deploy.training.machine import Machine, count_workers
from compofa_deploy.training.model_card import describe_training, write_card
from compofa_deploy.training.options import TrainOptions
from compofa_deploy.training.progress import TrainingProgress
from compofa_deploy.training.recipe import Phase
from compofa_deploy.training.recipe_file import load_recipe
from compofa_deploy.training.source_commit import find_commit
from compofa_deploy.training.teacher import save_teacher
from compofa_deploy.training.trained_supernet import finish
from compofa_deploy.training.trainer import Trainer
from compofa_deploy.training.trainer_setup import open_trainer
from profilers.machine.environment import read_machine
from profilers.measuring.watcher import SILENT, Watcher

OnTraining = Callable[[TrainingProgress], None]
SUPERNET_FILE = "supernet.safetensors"


@dataclass(frozen=True)
class TrainResult:
    """A trained supernet and the files that were written.

    Attributes:
        supernet: The supernet.
        path: Its file.
        accuracies: The accuracies of its subnets, or ``None`` where they were not evaluated.
        accuracy_path: Their file.
        model_card: The model card, or ``None`` where the folder has one that was written by hand.
        front: The figure of the front, or ``None`` where it was not drawn.
    """

    supernet: StoredSupernet
    path: Path
    accuracies: AccuracyTable | None
    accuracy_path: Path
    model_card: Path | None
    front: Path | None = None


def train(
    data: Path,
    output: Path,
    options: TrainOptions,
    watcher: Watcher = SILENT,
    on_training: OnTraining = lambda progress: None,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = Ranks(),  # noqa: B008
) -> TrainResult:
    """Trains, calibrates and evaluates a supernet. A training that was stopped goes on from its checkpoint.

    Args:
        data: The folder of images.
        output: The folder to write to.
        options: The recipe, and what it runs on.
        watcher: Is told of the steps.
        on_training: Is called with the progress of the training.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work; the first one writes.

    Returns:
        The supernet and the files that were written.

    Raises:
        InputError: The recipe, the folder or the images do not fit.
        DivergedError: The training diverged.
    """
    recipe = load_recipe(options.recipe, options.changes)
    machine = open_machine(options, ranks)
    watcher.on_step(f"reading {data}")
    trainer, splits = open_trainer(
        recipe, data, output, machine, on_skip, options.teacher, options.tensorboard, options.teacher_logits
    )
    for account in splits.accounts:
        watcher.on_note(account.describe())
    if trainer.steps_done:
        watcher.on_step(f"going on from step {trainer.steps_done} of {trainer.total_steps}")

    def keep_teacher(phase: Phase) -> None:
        if phase.subnets == "largest" and ranks.is_first:
            watcher.on_step(f"{save_teacher(trainer, splits.train.class_names)} can teach other trainings")

    with measure_energy(options.carbon if ranks.is_first else "", output) as meter:
        trainer.run(options.checkpoint_minutes, _watch(meter, on_training), keep_teacher)
    watcher.on_step("calibrating batch norm of 243 subnets")
    supernet = finish(trainer, splits.train, data.resolve().name, watcher.on_count)
    supernet = _add_cost(supernet, trainer, meter, options)
    path = output / SUPERNET_FILE
    if ranks.is_first:
        save_supernet(supernet, path)
    table = None
    if options.evaluates:
        table = _evaluate(supernet, splits, path, options, watcher, on_skip, machine)
    card = write_card(supernet, path, table) if ranks.is_first else None
    return TrainResult(supernet, path, table, place_beside(path), card)


def open_machine(options: TrainOptions, ranks: Ranks) -> Machine:
    """Opens the device that a training runs on, and sets torch's threads.

    Args:
        options: The device, its precision and the processes that decode images.
        ranks: The processes that share the work.

    Raises:
        InputError: There is no such device.
    """
    set_threads(options.threads)
    workers = count_workers() if options.workers is None else options.workers
    return Machine(find_device(options.device), ranks, options.precision, options.images_at_once, workers)


@contextmanager
def measure_energy(country: str, folder: Path) -> Iterator[EnergyMeter | None]:
    """Measures energy within a block.

    Args:
        country: The three-letter code of the country; empty to measure nothing.
        folder: The folder that keeps what was used, in ``energy.json``.
    """
    if not country:
        yield None
        return
    with EnergyMeter(country, folder / "energy.json") as meter:
        yield meter


def _add_cost(
    supernet: StoredSupernet, trainer: Trainer, meter: EnergyMeter | None, options: TrainOptions
) -> StoredSupernet:
    """Returns the supernet with an origin that says how it was trained and what that cost."""
    machine, used = trainer.machine, None if meter is None else meter.read()
    cost = count_spent(
        trainer.recipe,
        len(trainer.images),
        trainer.seconds * machine.ranks.world,
        f"{machine.ranks.world} x {machine.device} of {read_machine().cpu_model}",
        None if used is None else used.kwh,
        None if used is None else used.co2_kg,
        options.price,
    )
    described = describe_training(trainer.recipe, cost, options.command, find_commit())
    return replace(supernet, origin={**supernet.origin, **described})


def _watch(meter: EnergyMeter | None, show: OnTraining) -> OnTraining:
    """Returns a function that shows progress, and lets the meter keep what was used."""

    def tell(progress: TrainingProgress) -> None:
        show(progress)
        if meter is not None:
            meter.keep_now_and_then()

    return tell


def _evaluate(
    supernet: StoredSupernet,
    splits: Splits,
    path: Path,
    options: TrainOptions,
    watcher: Watcher,
    on_skip: OnSkip,
    machine: Machine,
) -> AccuracyTable:
    validation, test = (decode(part, on_skip) for part in (splits.validation, splits.test))
    return evaluate_to_file(
        supernet,
        DataSplits(splits.train, validation, test),
        place_beside(path),
        EvaluateOptions(device=str(machine.device), command=options.command),
        watcher.on_count,
        machine.ranks,
    )
