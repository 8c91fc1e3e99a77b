"""Calibrating a supernet on a folder of images, and recording which images were used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from compofa_deploy.data.decode import OnSkip, decode
from compofa_deploy.data.splits import open_splits
from compofa_deploy.evaluation.calibrate_options import CalibrateOptions
from compofa_deploy.evaluation.calibrate_supernet import calibrate_supernet
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import set_threads
from compofa_deploy.torch_process.device import find_device
from profilers.measuring.watcher import SILENT, Watcher


def calibrate_on_folder(
    supernet: StoredSupernet,
    folder: Path,
    options: CalibrateOptions,
    watcher: Watcher = SILENT,
    on_skip: OnSkip = lambda skipped: None,
) -> StoredSupernet:
    """Computes the batch-norm statistics of all compound subnets on training images of a folder.

    Args:
        supernet: The supernet.
        folder: A folder with ``train`` and ``test`` (or ``val``).
        options: The images, resolutions and device.
        watcher: Is told of the steps.
        on_skip: Is called with each image that cannot be read.

    Returns:
        The supernet with the statistics; its origin names the folder, the split and how many images were used.

    Raises:
        InputError: The folder has no images, or the supernet's family has no compound subnets.
        MismatchError: The images have more or fewer classes than the supernet.
    """
    set_threads(options.threads)
    device = find_device(options.device)
    watcher.on_step(f"reading {folder}")
    splits = open_splits(folder, options.validation_images, options.seed, None, on_skip)
    for account in splits.accounts:
        watcher.on_note(account.describe())
    drawn = splits.train.sample(options.images, np.random.default_rng(options.seed))
    images = decode(drawn, on_skip)
    calibrated = calibrate_supernet(
        supernet,
        images,
        options.resolutions,
        lambda what, done, total: watcher.on_count(f"calibrating {what}", done, total),
        device,
    )
    origin = {
        **supernet.origin,
        "data": folder.name,
        "data_settings": {"validation_images": options.validation_images, "split_seed": options.seed},
        "calibration_images": len(images),
    }
    return replace(calibrated, origin=origin)
