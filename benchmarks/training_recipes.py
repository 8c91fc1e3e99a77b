"""Which settings of a recipe help: short trainings that differ in one setting, three seeds each.

Run: python -m benchmarks.training_recipes --data cifar10 --folder trials [--only NAME ...] [--seeds 0 1 2]
Print the table of the trainings that are done: python -m benchmarks.training_recipes --folder trials --table
Each variant changes the recipe trial-cifar10, and has as many multiply-accumulates as it: a variant that trains more
subnets a step has fewer epochs. Five subnets are calibrated and evaluated on the validation images. A training that was
stopped goes on. The table gives the difference to the unchanged recipe with its standard error over seeds.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.decode import decode
from compofa_deploy.data.splits import Splits, open_splits
from compofa_deploy.evaluation.sampled import count_subnet
from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import set_threads
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.recipe_file import load_recipe
from compofa_deploy.training.schedule import Schedule, weigh_step
from compofa_deploy.training.trainer import Trainer
from latency_tables.files import replace_file

RECIPE = "trial-cifar10"
BASE = "base"
CHECKPOINT_MINUTES = 1.0
RESULT = "result.json"
DEPTHS = ((2, 2, 2, 2, 2), (2, 3, 2, 3, 3), (3, 3, 3, 3, 3), (3, 4, 4, 3, 4), (4, 4, 4, 4, 4))
"""The subnets that are evaluated, from the smallest to the largest."""

_DRAWN = 'subnets = "compofa", largest_share = 0.15, smallest_share = 0.1'
_WARM_UP = "batch = 128, lr = 0.2, warmup_epochs = 0.5, epochs = 2"
WARM_START = (
    f'phases = [{{name = "small", {_DRAWN}, {_WARM_UP}, final_lr = 0.14, resolutions = [16]}}, '
    f'{{name = "main", {_DRAWN}, batch = 128, epochs = 4, lr = 0.14, resolutions = [24]}}]'
)
TEACHER_FIRST = (
    f'phases = [{{name = "teacher", subnets = "largest", {_WARM_UP}, resolutions = [24]}}, '
    f'{{name = "main", {_DRAWN}, batch = 128, epochs = 4, lr = 0.1, sort_channels = true, '
    "distillation = 1, resolutions = [24]}]"
)

VARIANTS: dict[str, tuple[str, ...]] = {
    BASE: (),
    "lr 0.1": ("phases.main.lr=0.1",),
    "lr 0.4": ("phases.main.lr=0.4",),
    "batch 64": ("phases.main.batch=64", "phases.main.lr=0.1"),
    "2 subnets a step": ("phases.main.subnets_per_step=2",),
    "weight decay 5e-4": ("weight_decay=5e-4",),
    "weight decay 5e-5": ("weight_decay=5e-5",),
    "no label smoothing": ("label_smoothing=0",),
    "no dropout": ("dropout=0",),
    "no extremes": ("phases.main.largest_share=0", "phases.main.smallest_share=0"),
    "brightness, saturation": ("data.brightness=0.2", "data.saturation=0.3"),
    "random resized crops": ("data.crop=resized", "data.crop_area=[0.4, 1.0]"),
    "1 random operation": ("data.random_operations=1", "data.operation_magnitude=0.5"),
    "2 random operations": ("data.random_operations=2",),
    "cutout": ("data.cutout=0.25",),
    "mixup": ("data.mixup=0.2",),
    "cutmix": ("data.cutmix=1.0",),
    "weight average": ("ema_decay=0.998",),
    "largest in each step": ("phases.main.subnets_per_step=2", "phases.main.always=['largest']"),
    "in-place distillation": (
        "phases.main.subnets_per_step=2",
        "phases.main.always=['largest']",
        "phases.main.distillation=1",
        "phases.main.distill_from=largest",
    ),
    "sandwich, in-place": (
        "phases.main.subnets_per_step=3",
        "phases.main.always=['largest', 'smallest']",
        "phases.main.distillation=1",
        "phases.main.distill_from=largest",
    ),
    "warm start at 16 px": (WARM_START,),
    "teacher first": (TEACHER_FIRST,),
    "stem stride 2 at 48 px": (
        "architecture.stem_stride=2",
        "architecture.resolutions=[48]",
        "architecture.name=mbv3-w0.75-cifar10-stride2",
        "phases.main.resolutions=[48]",
    ),
}
"""Changes of the recipe, by the variant's name."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a short training came to.

    ``top1`` is the validation top-1 of each of ``DEPTHS``, in per cent, shape (5,).
    """

    top1: NDArray[np.float64]
    epochs: float
    macs: float
    hours: float


def build_recipe(variant: str, seed: int, epochs: float | None = None) -> Recipe:
    """Build a variant's recipe with the base recipe's number of multiply-accumulates.

    Args:
        variant: A key of ``VARIANTS``.
        seed: The seed of weights, order and augmentation.
        epochs: The epochs of the base recipe; by default those of its file.

    Returns:
        The recipe, whose epochs are scaled by the cost of an image in the base recipe over that in the variant.
    """
    changes = [] if epochs is None else [f"phases.main.epochs={epochs}"]
    base = load_recipe(RECIPE, changes)
    recipe = load_recipe(RECIPE, [*VARIANTS[variant], f"seed={seed}"])
    factor = weigh_recipe(base) / weigh_recipe(recipe)
    phases = [phase.model_copy(update={"epochs": phase.epochs * factor}) for phase in recipe.phases]
    return recipe.model_copy(update={"phases": tuple(phases)})


def weigh_recipe(recipe: Recipe) -> float:
    """Return the multiply-accumulates of all epochs for each training image."""
    architecture = recipe.architecture.build()
    return sum(phase.epochs * weigh_step(phase, architecture) for phase in recipe.phases)


def run(variant: str, seed: int, arguments: argparse.Namespace) -> None:
    """Train a variant with a seed and evaluate it, unless its result exists."""
    folder = find_folder(arguments.folder, variant, seed)
    if (folder / RESULT).exists():
        return
    recipe = build_recipe(variant, seed, arguments.epochs)
    splits = open_images(arguments.data, recipe.data.validation_images, recipe.data.split_seed)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, splits.train, folder)
    trainer.run(CHECKPOINT_MINUTES)
    side = max(recipe.architecture.resolutions)
    stored, rng = store(trainer, splits.train.class_names), np.random.default_rng(recipe.seed)
    calibration = decode(splits.train.sample(recipe.calibration_images, rng))
    validation = decode(splits.validation)
    hits = [
        int(count_subnet(stored, trainer.supernet, Subnet.compound(depths, side), calibration, validation)[0])
        for depths in DEPTHS
    ]
    result = {
        "variant": variant,
        "seed": seed,
        "right": hits,
        "images": len(validation),
        "epochs": sum(phase.epochs for phase in recipe.phases),
        "macs": weigh_recipe(recipe) * len(splits.train),
        "steps": Schedule(recipe, len(splits.train)).total_steps,
        "hours": trainer.seconds / 3600,
    }
    with replace_file(folder / RESULT) as file:
        file.write(json.dumps(result, indent=1).encode())


@lru_cache(maxsize=1)
def open_images(folder: Path, validation_images: int, split_seed: int) -> Splits:
    """Return the splits of a folder, which several trainings share."""
    return open_splits(folder, validation_images, split_seed)


def store(trainer: Trainer, class_names: tuple[str, ...]) -> StoredSupernet:
    """Return the trained weights as arrays, in full precision and without statistics."""
    supernet, data = trainer.supernet, trainer.recipe.data
    arrays = {name: value.numpy() for name, value in supernet.state_dict().items()}
    return StoredSupernet(
        supernet.architecture, arrays, None, Preprocess(data.mean, data.std), class_names, {}, half=False
    )


def find_folder(folder: Path, variant: str, seed: int) -> Path:
    """Return the folder of a variant and a seed."""
    return folder / f"{variant.replace(',', '').replace(' ', '-')}-{seed}"


def load(folder: Path, variant: str, seed: int) -> Result | None:
    """Return what a training left; None where it is not done."""
    path = find_folder(folder, variant, seed) / RESULT
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    top1 = 100 * np.array(kept["right"]) / kept["images"]
    return Result(top1, kept["epochs"], kept["macs"], kept["hours"])


def report(folder: Path, seeds: list[int]) -> None:
    """Print the table of all variants that have the base recipe's result with at least one common seed."""
    base = {seed: load(folder, BASE, seed) for seed in seeds}
    names = ["".join(map(str, depths)) for depths in DEPTHS]
    print(
        f"{'variant':<26}{'seeds':>6}{'epochs':>8}{''.join(f'{n:>8}' for n in names)}{'mean':>8}  above base"
    )
    for variant in VARIANTS:
        found = {seed: load(folder, variant, seed) for seed in seeds}
        results = [result for result in found.values() if result is not None]
        if not results:
            continue
        top1 = np.mean([result.top1 for result in results], axis=0)
        pairs = [(found[seed], base[seed]) for seed in seeds]
        gaps = np.array([a.top1.mean() - b.top1.mean() for a, b in pairs if a is not None and b is not None])
        cells = "".join(f"{value:>8.2f}" for value in top1)
        print(
            f"{variant:<26}{len(results):>6}{results[0].epochs:>8.2f}{cells}{top1.mean():>8.2f}  {describe(gaps)}"
        )


def describe(gaps: NDArray[np.float64]) -> str:
    """Return the mean of differences (seeds,) in points with its standard error, where there are two or more."""
    if not len(gaps):
        return ""
    if len(gaps) == 1:
        return f"{gaps[0]:+.2f}"
    return f"{gaps.mean():+.2f} +- {gaps.std(ddof=1) / math.sqrt(len(gaps)):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=float, help="Of the base recipe  [default: those of its file].")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--table", action="store_true", help="Print the table and train nothing.")
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    if not arguments.table:
        for seed in arguments.seeds:
            for variant in arguments.only:
                run(variant, seed, arguments)
    report(arguments.folder, arguments.seeds)


if __name__ == "__main__":
    main()
