"""Evaluations that keep what is done beside their output, and write the output when they are whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.evaluate import evaluate
from compofa_deploy.evaluation.journal import remove_journal
from compofa_deploy.evaluation.options import EvaluateOptions, SampleOptions
from compofa_deploy.evaluation.sampled import SampledAccuracies, evaluate_sampled
from compofa_deploy.space.choice_arrays import find_space
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import set_threads
from compofa_deploy.torch_process.device import find_device
from compofa_deploy.torch_process.distributed import Ranks

OnCount = Callable[[str, int, int], None]
OnNote = Callable[[str], None]


def evaluate_to_file(
    supernet: StoredSupernet,
    splits: DataSplits,
    output: Path,
    options: EvaluateOptions,
    on_count: OnCount = lambda what, done, total: None,
    ranks: Ranks = Ranks(),  # noqa: B008
    on_note: OnNote = lambda text: None,
) -> AccuracyTable:
    """Evaluates every compound subnet in torch and writes the accuracy table.

    An evaluation that was stopped goes on from ``OUTPUT.partial``, which is removed at the end.

    Args:
        supernet: The supernet.
        splits: Its validation and test images.
        output: The accuracy table's file; the first process writes it.
        options: The resolutions and the device.
        on_count: Is called with a label, how many parts are done, and of how many.
        ranks: The processes that share the work.
        on_note: Is called with one sentence where a file of an earlier run had to be set aside.

    Returns:
        The accuracy table, in every process.

    Raises:
        MismatchError: The supernet is not calibrated at a resolution, or the images have other classes.
    """
    set_threads(options.threads)
    partial = place_partial(output)
    table = evaluate(
        supernet,
        splits,
        options.resolutions or supernet.architecture.resolutions,
        str(supernet.origin.get("data", "")),
        options.command,
        partial,
        lambda resolution, done, total: on_count(f"evaluating {resolution} px", done, total),
        find_device(options.device),
        ranks,
        on_note,
    )
    if ranks.is_first:
        table.save(output)
    ranks.gather(None)
    remove_journal(partial)
    return table


def evaluate_sample_to_file(
    supernet: StoredSupernet,
    splits: DataSplits,
    output: Path,
    options: SampleOptions,
    on_count: OnCount = lambda what, done, total: None,
    ranks: Ranks = Ranks(),  # noqa: B008
    on_note: OnNote = lambda text: None,
) -> SampledAccuracies:
    """Evaluates random subnets of a larger space in torch and writes their accuracies as CSV.

    An evaluation that was stopped goes on from ``OUTPUT.partial``, which is removed at the end.

    Args:
        supernet: The supernet, with elastic kernels.
        splits: Its training, validation and test images.
        output: The CSV file; the first process writes it.
        options: The space, the subnets and the device.
        on_count: Is called with a label, how many subnets are done, and of how many.
        ranks: The processes that share the work.
        on_note: Is called with one sentence where a file of an earlier run had to be set aside.

    Returns:
        The accuracies, in every process.

    Raises:
        MismatchError: The supernet has no subnets of the space, or the images have other classes.
    """
    set_threads(options.threads)
    partial = place_partial(output)
    found = evaluate_sampled(
        supernet,
        splits,
        find_space(options.space),
        options.subnets,
        options.resolutions or supernet.architecture.resolutions,
        options.seed,
        options.calibration_images,
        partial,
        lambda done, total: on_count("evaluating subnets", done, total),
        find_device(options.device),
        ranks,
        on_note,
    )
    if ranks.is_first:
        found.save(output)
    ranks.gather(None)
    remove_journal(partial)
    return found


def place_partial(output: Path) -> Path:
    """Returns the path under which an evaluation keeps what is done, beside its output."""
    return output.with_name(f"{output.name}.partial")
