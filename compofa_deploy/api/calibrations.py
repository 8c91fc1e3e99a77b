"""Calibrating the batch-norm statistics of a supernet."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.evaluation.calibrate_on_folder import calibrate_on_folder
from compofa_deploy.evaluation.calibrate_options import CalibrateOptions
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet
from profilers.measuring.watcher import SILENT, Watcher


def calibrate(
    supernet: str | Path | StoredSupernet,
    data: Path,
    options: CalibrateOptions,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
) -> StoredSupernet:
    """Computes the batch-norm statistics of all compound subnets on training images. This needs torch.

    Args:
        supernet: The supernet, its file, or the name of one that ships.
        data: A folder with ``train`` and ``test`` (or ``val``).
        options: The images, resolutions and device.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.

    Returns:
        The calibrated supernet; :func:`save_supernet` writes it.

    Raises:
        InputError: The folder has no images, or the supernet's family has no compound subnets.
        MismatchError: The images have more or fewer classes than the supernet.
    """
    loaded = supernet if isinstance(supernet, StoredSupernet) else load_supernet(supernet)
    return calibrate_on_folder(loaded, data, options, watcher, on_skip)
