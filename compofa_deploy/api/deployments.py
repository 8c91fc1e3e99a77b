"""The closed loop: from a latency budget to a measured bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import load_by_precision
from compofa_deploy.api.devices import open_local
from compofa_deploy.data.decode import OnSkip, say_nothing
from compofa_deploy.data.held_out import load_held_out
from compofa_deploy.deploy.choose_specs import choose_specs
from compofa_deploy.deploy.loop import Deployed, Job
from compofa_deploy.deploy.loop import deploy as deploy_job
from compofa_deploy.deploy.options import DeployOptions
from compofa_deploy.supernet.stored import BUILT_IN, load_supernet
from compofa_deploy.tables.cache import Cache
from profilers.measuring.watcher import SILENT, Watcher


def deploy(
    output: Path,
    options: DeployOptions,
    supernet: str | Path = BUILT_IN,
    accuracies: Path | None = None,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = say_nothing,
) -> Deployed:
    """Finds the most accurate subnet that keeps a latency budget when it is measured here, and writes its bundle.

    Args:
        output: The folder of the bundle.
        options: The budget, the limits, and the device specs to choose among.
        supernet: The supernet's file, or the name of one that ships.
        accuracies: The supernet's accuracy table; ``None`` for the one beside the supernet.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.

    Returns:
        The bundle, with the device specs that were compared and those that were left out.

    Raises:
        InfeasibleError: No candidate keeps the limits.
        InputError: The output is taken, a file is missing, or the device does not have what is asked for.
        MeasurementError: The candidates cannot be measured.
        RuntimeUnavailable: A runtime that was named does not work here.
    """
    loaded, known = load_supernet(supernet), load_by_precision(accuracies, supernet)
    device = open_local()
    specs, left_out = choose_specs(options, known, device)
    for left in left_out:
        watcher.on_step(f"left out: {left.what}: {left.why}")
    images = None
    if options.data is not None:
        images = load_held_out(options.data, loaded, supernet, on_skip)
        for account in images.accounts:
            watcher.on_note(account.describe())
    job = Job(
        loaded,
        known,
        tuple(specs),
        options.latency_ms,
        options.percentile,
        tuple(options.list_constraints()),
        options.max_size_bytes,
        options.command,
        images,
        options.accept_doubtful,
    )
    deployed = deploy_job(job, output, device, Cache.default(), watcher, options.mode)
    return replace(deployed, left_out=(*left_out, *deployed.left_out))
