"""Evaluating exported graphs, as a runtime computes them in its precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import load_accuracy_table
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.api.devices import open_local
from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.held_out import load_held_out
from compofa_deploy.deploy.exported_accuracy import evaluate_exported as evaluate_graphs
from compofa_deploy.deploy.exported_accuracy import list_promising
from compofa_deploy.deploy.exported_options import ExportedOptions
from compofa_deploy.supernet.stored import load_supernet
from profilers.measuring.watcher import SILENT, Watcher


def evaluate_exported(
    supernet: str | Path,
    data: Path,
    output: Path,
    options: ExportedOptions,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
) -> AccuracyTable:
    """Evaluates compound subnets as they are exported to a runtime, in a precision of it.

    An evaluation that was stopped goes on from ``OUTPUT.partial``, which is removed at the end.

    Args:
        supernet: The supernet's file, or the name of one that ships.
        data: The folder of images that it was trained on.
        output: The accuracy table's file.
        options: The runtime, and the subnets to evaluate.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.

    Returns:
        The accuracy table, which was written as well.

    Raises:
        InputError: The folder has no images, or the runtime does not have what is asked for.
        MismatchError: The supernet is not calibrated at a resolution.
        RuntimeUnavailable: The runtime does not work here.
    """
    loaded, wanted = load_supernet(supernet), None
    watcher.on_step(f"reading {data}")
    splits = load_held_out(data, loaded, supernet, on_skip, options.test_split)
    for account in splits.accounts:
        watcher.on_note(account.describe())
    device = open_local()
    threads = options.threads or device.read_machine().usable_threads
    if options.fronts:
        wanted = list_promising(loaded, load_accuracy_table(None, supernet), options.fronts)
    partial = output.with_name(f"{output.name}.partial")
    table = evaluate_graphs(
        loaded,
        splits,
        options.resolutions or loaded.architecture.resolutions,
        device.find_spec(replace(options.device, threads=threads)),
        str(loaded.origin.get("data", "")),
        options.command,
        device,
        partial,
        lambda resolution, done, total: watcher.on_count(f"evaluating {resolution} px", done, total),
        wanted,
        watcher.on_note,
    )
    table.save(output)
    partial.unlink(missing_ok=True)
    return table
