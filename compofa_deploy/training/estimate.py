"""What a recipe costs, estimated before it is run."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.splits import open_splits
from compofa_deploy.torch_process.distributed import Ranks
from compofa_deploy.training.cost import Cost, estimate_measured, estimate_published
from compofa_deploy.training.energy import EnergyMeter
from compofa_deploy.training.options import TrainOptions
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.recipe_file import load_recipe
from compofa_deploy.training.step_timing import count_steps, measure_steps
from compofa_deploy.training.train import open_machine
from profilers.machine.environment import read_machine
from profilers.measuring.watcher import SILENT, Watcher


def estimate(
    data: Path | None,
    options: TrainOptions,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = Ranks(),  # noqa: B008
) -> tuple[Recipe, Cost]:
    """Estimates what a recipe costs.

    Args:
        data: A folder of images, to measure a few steps of each phase here; ``None`` for the GPUs that the published
            systems were trained on.
        options: The recipe, and what it runs on.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work.

    Returns:
        The recipe and its cost.

    Raises:
        InputError: The recipe, the device or the images do not fit.
    """
    machine = open_machine(options, ranks)
    recipe = load_recipe(options.recipe, options.changes)
    if data is None:
        return recipe, estimate_published(recipe, options.price)
    settings = recipe.data
    # A country that is unknown is refused before the images are read.
    meter = EnergyMeter(options.carbon) if options.carbon else None
    watcher.on_step(f"reading {data}")
    splits = open_splits(
        data, settings.validation_images, settings.split_seed, settings.training_images, on_skip
    )
    for account in splits.accounts:
        watcher.on_note(account.describe())
    watcher.on_step("running a few steps of each phase")
    with meter or nullcontext():
        seconds = measure_steps(recipe, splits.train, machine)
    used = None if meter is None else meter.read()
    cost = estimate_measured(
        recipe,
        len(splits.train),
        seconds,
        count_steps(recipe, len(splits.train)),
        f"{machine.device} of {read_machine().cpu_model}",
        None if used is None else used.watts,
        None if used is None or not used.kwh else used.co2_kg / used.kwh,
        options.price,
    )
    return recipe, cost
