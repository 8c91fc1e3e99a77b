"""Training a supernet. This needs torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.report.front_figure import write_front_figure
from compofa_deploy.torch_process.distributed import Ranks
from compofa_deploy.training.cost import Cost
from compofa_deploy.training.estimate import estimate as estimate_recipe
from compofa_deploy.training.options import TrainOptions
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.train import OnTraining, TrainResult
from compofa_deploy.training.train import train as train_recipe
from profilers.measuring.watcher import SILENT, Watcher

ALONE = Ranks()


def train(
    data: Path,
    output: Path,
    options: TrainOptions,
    watcher: Watcher = SILENT,
    on_training: OnTraining = lambda progress: None,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = ALONE,
) -> TrainResult:
    """Trains, calibrates and evaluates a supernet, and draws the front of its subnets where matplotlib is installed.

    A training that was stopped goes on from ``OUTPUT/checkpoint.pt``.

    Args:
        data: A folder with ``train`` and ``test`` (or ``val``).
        output: The folder to write to.
        options: The recipe, and what it runs on.
        watcher: Is told of the steps.
        on_training: Is called with the progress of the training.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work, as :func:`join_ranks` gives them.

    Returns:
        The supernet and the files that were written.

    Raises:
        InputError: The recipe, the folder or the images do not fit.
        DivergedError: The training diverged.
    """
    result = train_recipe(data, output, options, watcher, on_training, on_skip, ranks)
    if result.accuracies is None or not ranks.is_first:
        return result
    figure = output / "front.svg"
    try:
        write_front_figure(result.accuracies, result.supernet.architecture, figure)
    except ModuleNotFoundError:
        watcher.on_step(
            "the front is not drawn, which needs matplotlib: pip install 'compofa-deploy[report]'"
        )
        return result
    return replace(result, front=figure)


def estimate(
    data: Path | None,
    options: TrainOptions,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = ALONE,
) -> tuple[Recipe, Cost]:
    """Estimates what a training costs.

    Args:
        data: A folder of images, to measure a few steps here; ``None`` for the GPUs that the published systems were
            trained on.
        options: The recipe, and what it runs on.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work, as :func:`join_ranks` gives them.

    Returns:
        The recipe and its cost.

    Raises:
        InputError: The recipe, the device or the images do not fit.
    """
    return estimate_recipe(data, options, watcher, on_skip, ranks)
