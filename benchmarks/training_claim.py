"""CompOFA's claim: all compound subnets at once, at half the cost of progressive shrinking and no less accurate.

Run: python -m benchmarks.training_claim --data cifar10 --folder claim [--seeds 0 1] [--set KEY=VALUE ...]
Both recipes are trained on the same images, with the same teacher, epochs in the published proportions and the same
seeds; then batch norm of all 243 compound subnets is calibrated, and all are evaluated. What is done is kept in the
folder, and a run that was stopped goes on. --only trains one of the two, so that two processes share the work. Cost is
processor seconds of training, which other work on the machine does not add to, and multiply-accumulates.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.data.decode import decode
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.evaluate import evaluate
from compofa_deploy.evaluation.journal import remove_journal
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.supernet.stored import load_supernet, save_supernet
from compofa_deploy.training.cost import list_work
from compofa_deploy.training.progress import TrainingProgress
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.recipe_file import load_recipe
from compofa_deploy.training.trained_supernet import finish
from compofa_deploy.training.trainer import Trainer
from compofa_deploy.training.trainer_setup import open_trainer

RECIPES = {"compofa": "claim-compofa-cifar10", "ofa": "claim-ofa-cifar10"}
TEACHER = "teacher"
CHECKPOINT_MINUTES = 1.0
PROCESSOR = "processor.jsonl"
LIMITS = (25, 50, 75, 100)
"""Per cent of the way from the smallest to the largest number of multiply-accumulates."""


@dataclass(frozen=True)
class Outcome:
    """What a recipe and a seed came to: processor seconds and multiply-accumulates by phase, and accuracies."""

    seconds: dict[str, float]
    macs: dict[str, float]
    table: AccuracyTable


class ProcessorClock:
    """Processor seconds by step, kept beside the checkpoint: what was lost with a run that was stopped is not counted,
    as it is done again."""

    def __init__(self, path: Path, steps_done: int) -> None:
        self.path = path
        rows = [row for row in read_rows(path) if row["step"] <= steps_done]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.step, self.before = steps_done, time.process_time()

    def note(self, progress: TrainingProgress) -> None:
        """Called every few steps."""
        now = time.process_time()
        row = {"step": progress.step, "steps": progress.step - self.step, "seconds": now - self.before}
        self.step, self.before = progress.step, now
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> list[dict[str, float]]:
    """What was noted: the seconds of so many steps, up to a step."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def share_seconds(
    rows: list[dict[str, float]], steps: dict[str, int], macs: dict[str, float]
) -> dict[str, float]:
    """Seconds of each phase. Those of a row are shared among its steps by their multiply-accumulates, and a step that
    was not noted is taken to cost what a multiply-accumulate cost on average."""
    work = np.concatenate([np.full(count, macs[phase] / count) for phase, count in steps.items()])
    seconds = np.zeros(len(work))
    for row in rows:
        part = slice(int(row["step"] - row["steps"]), int(row["step"]))
        seconds[part] = row["seconds"] * work[part] / work[part].sum()
    noted = seconds > 0
    seconds[~noted] = work[~noted] * seconds.sum() / work[noted].sum()
    ends = np.cumsum(list(steps.values()))
    return {phase: float(part.sum()) for phase, part in zip(steps, np.split(seconds, ends[:-1]), strict=True)}


def read_recipe(name: str, arguments: argparse.Namespace, seed: int = 0) -> Recipe:
    """The recipe with what was asked for changed; epochs and those of warm-up keep their proportions."""
    recipe = load_recipe(RECIPES[name], [*arguments.set, f"seed={seed}"])
    scaled = tuple(
        phase.model_copy(
            update={word: getattr(phase, word) * arguments.scale for word in ("epochs", "warmup_epochs")}
        )
        for phase in recipe.phases
    )
    return recipe.model_copy(update={"phases": scaled})


def run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    """Train, calibrate and evaluate, as far as that is not done."""
    recipe = read_recipe(name, arguments, seed)
    folder = arguments.folder / f"{name}-{seed}"
    if (folder / "accuracy.json").exists():
        return
    trainer, splits = open_trainer(recipe, arguments.data, folder)
    clock = ProcessorClock(folder / PROCESSOR, trainer.steps_done)
    trainer.run(CHECKPOINT_MINUTES, clock.note)
    work = list_work(recipe, len(splits.train))
    cost = {"steps": count_steps(trainer), "macs": {phase.name: phase.macs for phase in work}}
    (folder / "cost.json").write_text(json.dumps(cost, indent=1))
    path = folder / "supernet.safetensors"
    save_supernet(finish(trainer, splits.train, arguments.data.name), path)
    supernet, rng = load_supernet(path), np.random.default_rng(recipe.data.split_seed)
    validation, test = (
        decode(part) for part in (splits.validation, splits.test.sample(arguments.test_images, rng))
    )
    resolutions = arguments.evaluate_at or supernet.architecture.resolutions
    table = evaluate(
        supernet,
        DataSplits(splits.train, validation, test),
        resolutions,
        arguments.data.name,
        __doc__ or "",
        folder / "accuracy.partial",
    )
    table.save(folder / "accuracy.json")
    remove_journal(folder / "accuracy.partial")


def count_steps(trainer: Trainer) -> dict[str, int]:
    """How many steps each phase has."""
    images = len(trainer.images)
    return {
        phase.name: max(1, round(phase.epochs * (images // phase.batch))) for phase in trainer.recipe.phases
    }


def load(name: str, seed: int, folder: Path) -> Outcome | None:
    """What a run left, where it is done."""
    at = folder / f"{name}-{seed}"
    if not (at / "accuracy.json").exists():
        return None
    cost = json.loads((at / "cost.json").read_text())
    seconds = share_seconds(read_rows(at / PROCESSOR), cost["steps"], cost["macs"])
    return Outcome(seconds, cost["macs"], AccuracyTable.load(at / "accuracy.json"))


def list_front(outcome: Outcome, recipe: Recipe) -> list[float]:
    """Test top-1, in per cent, of the subnet that is best on the validation images under each of the limits."""
    architecture = recipe.architecture.build()
    sides = outcome.table.resolutions
    macs: NDArray[np.float64] = np.stack(
        [list_units(architecture, side).sum_over(lambda layer: layer.macs) for side in sides]
    )
    validation, test = outcome.table.accuracy("validation"), outcome.table.accuracy("test")
    front = []
    for limit in LIMITS:
        most = macs.min() + limit / 100 * (macs.max() - macs.min())
        best = np.where(macs <= most, validation, -1).argmax()
        front.append(float(test.flat[best]))
    return front


def mean_cost(outcomes: list[Outcome], word: str, left_out: str) -> float:
    """Return the mean cost of all phases but one, over the seeds."""
    sums = [
        sum(value for phase, value in getattr(outcome, word).items() if phase != left_out)
        for outcome in outcomes
    ]
    return float(np.mean(sums))


def report(outcomes: dict[str, list[Outcome]], arguments: argparse.Namespace) -> None:
    """The table: means over the seeds, and each seed's."""
    recipes = {name: read_recipe(name, arguments) for name in RECIPES}
    first = outcomes["compofa"][0].table
    print(
        f"{recipes['compofa'].architecture.name}, {', '.join(map(str, first.resolutions))} px, "
        f"{len(outcomes['compofa'])} seeds, {first.images['test']} test images"
    )
    print(f"{'':<44}{'CompOFA':>10}{'shrinking':>11}{'ratio':>8}")

    def show(what: str, ours: float, theirs: float, form: str = ".1f") -> None:
        print(f"{what:<44}{ours:>10{form}}{theirs:>11{form}}{ours / theirs:>8.3f}")

    for word, scale in (("seconds", 1.0), ("macs", 1e12)):
        unit = "processor seconds" if word == "seconds" else "10^12 multiply-accumulates"
        for part in ("in all", "without the teacher"):
            left_out = "" if part == "in all" else TEACHER
            ours, theirs = (mean_cost(outcomes[name], word, left_out) / scale for name in RECIPES)
            show(f"{unit}, {part}", ours, theirs)
    means = {name: [float(o.table.accuracy("test").mean()) for o in outcomes[name]] for name in RECIPES}
    ours, theirs = (float(np.mean(means[name])) for name in RECIPES)
    show("mean test top-1 of all subnets, %", ours, theirs, ".2f")
    for seed, pair in zip(arguments.seeds, zip(*means.values(), strict=True), strict=True):
        show(f"  seed {seed}", pair[0], pair[1], ".2f")
    if len(arguments.seeds) > 1:
        gaps = np.subtract(means["compofa"], means["ofa"])
        error = gaps.std(ddof=1) / math.sqrt(len(gaps))
        print(
            f"{'  CompOFA above shrinking, points':<44}{gaps.mean():>+10.2f} +- {error:.2f} (standard error over seeds)"
        )
    better = [
        o.table.accuracy("test") - p.table.accuracy("test")
        for o, p in zip(outcomes["compofa"], outcomes["ofa"], strict=True)
    ]
    print(
        f"{'subnets that CompOFA has at least as accurate':<44}{100 * np.mean(np.array(better) >= 0):>9.0f}%"
    )
    fronts = {
        name: np.mean([list_front(o, recipes[name]) for o in outcomes[name]], axis=0) for name in RECIPES
    }
    for limit, ours, theirs in zip(LIMITS, *fronts.values(), strict=True):
        show(f"front at {limit} % of the MACs' range, %", float(ours), float(theirs), ".2f")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--scale", type=float, default=1.0, help="Multiplies the epochs of every phase.")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--evaluate-at", type=int, nargs="+", help="Resolutions  [default: all].")
    parser.add_argument("--only", choices=sorted(RECIPES))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for seed in arguments.seeds:
        for name in RECIPES:
            if arguments.only in (None, name):
                run(name, seed, arguments)
    found = {name: [load(name, seed, arguments.folder) for seed in arguments.seeds] for name in RECIPES}
    outcomes = {name: [o for o in listed if o is not None] for name, listed in found.items()}
    if all(len(listed) == len(arguments.seeds) for listed in outcomes.values()):
        report(outcomes, arguments)


if __name__ == "__main__":
    main()
