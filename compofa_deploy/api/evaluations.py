"""Evaluating a supernet's subnets on images."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import place_beside
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.held_out import load_held_out
from compofa_deploy.evaluation.evaluate_to_file import (
    evaluate_sample_to_file,
    evaluate_to_file,
)
from compofa_deploy.evaluation.options import EvaluateOptions, SampleOptions
from compofa_deploy.evaluation.sampled import SampledAccuracies
from compofa_deploy.supernet.stored import load_supernet
from compofa_deploy.torch_process.distributed import Ranks
from compofa_deploy.training.model_card import write_card
from profilers.measuring.watcher import SILENT, Watcher

DEFAULTS, SAMPLE_DEFAULTS, ALONE = EvaluateOptions(), SampleOptions(), Ranks()


def evaluate(
    supernet: str | Path,
    data: Path,
    output: Path,
    options: EvaluateOptions = DEFAULTS,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = ALONE,
) -> AccuracyTable:
    """Evaluates every compound subnet of a supernet in torch, on validation and test images.

    Args:
        supernet: The supernet's file, or the name of one that ships.
        data: The folder of images that it was trained on.
        output: The accuracy table's file.
        options: The resolutions and the device.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work, as :func:`join_ranks` gives them.

    Returns:
        The accuracy table, which was written as well.

    Raises:
        InputError: The folder has no images, or the supernet does not say which of them it was trained on.
        MismatchError: The supernet is not calibrated, or the images have other classes.
    """
    loaded = load_supernet(supernet)
    watcher.on_step(f"reading {data}")
    splits = load_held_out(data, loaded, supernet, on_skip, options.test_split)
    for account in splits.accounts:
        watcher.on_note(account.describe())
    table = evaluate_to_file(loaded, splits, output, options, watcher.on_count, ranks, watcher.on_note)
    if ranks.is_first and "phases" in loaded.origin and output == place_beside(supernet):
        write_card(loaded, Path(supernet), table)
    return table


def evaluate_sample(
    supernet: str | Path,
    data: Path,
    output: Path,
    options: SampleOptions = SAMPLE_DEFAULTS,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
    ranks: Ranks = ALONE,
) -> SampledAccuracies:
    """Evaluates random subnets of a larger space in torch, on validation images.

    Args:
        supernet: The supernet's file, or the name of one that ships.
        data: The folder of images that it was trained on.
        output: The CSV file, which :func:`fit_predictor` reads.
        options: The space, the subnets and the device.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.
        ranks: The processes that share the work, as :func:`join_ranks` gives them.

    Returns:
        The accuracies, which were written as well.

    Raises:
        InputError: The folder has no images, or the supernet does not say which of them it was trained on.
        MismatchError: The supernet has no subnets of the space, or the images have other classes.
    """
    loaded = load_supernet(supernet)
    watcher.on_step(f"reading {data}")
    splits = load_held_out(data, loaded, supernet, on_skip, options.test_split)
    for account in splits.accounts:
        watcher.on_note(account.describe())
    return evaluate_sample_to_file(loaded, splits, output, options, watcher.on_count, ranks, watcher.on_note)
