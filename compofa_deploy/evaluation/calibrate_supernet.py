"""Calibrating a stored supernet on the user's images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from compofa_deploy.data.classes import are_numbered, match_classes
from compofa_deploy.data.labelled import ReadableImages
from compofa_deploy.evaluation.calibrate import calibrate
from compofa_deploy.evaluation.count import CPU
from compofa_deploy.evaluation.tree import PREFIXES
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.supernet.statistics import STATISTICS
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.errors import MismatchError


def open_module(supernet: StoredSupernet) -> Supernet:
    """A module of the supernet's weights, with dropout off."""
    module = Supernet(supernet.architecture, dropout=0)
    state = {name: torch.from_numpy(array) for name, array in supernet.arrays.items()}
    module.load_state_dict({**module.state_dict(), **state})
    return module


def calibrate_supernet(
    supernet: StoredSupernet,
    images: ReadableImages,
    resolutions: Sequence[int],
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    device: torch.device = CPU,
) -> StoredSupernet:
    """Compute the batch-norm statistics of all compound subnets of a supernet. Its weights are unchanged.

    All images run at once. They need a few times the memory of the widest layer's activations on all of them.

    Args:
        supernet: A supernet with or without statistics.
        images: Training images. Their labels are not used.
        resolutions: In pixels.
        on_progress: Called with a resolution, and how many of how many units are done there.
        device: Where torch computes.

    Returns:
        The supernet with the new statistics. It keeps the names of its classes; one without names takes those of the
        images.

    Raises:
        MismatchError: The images have more or fewer classes than the supernet.
        InputError: The family has no compound subnets.
    """
    architecture = supernet.architecture
    if len(images.class_names) != architecture.classes:
        raise MismatchError(
            f"the images are of {len(images.class_names)} classes, and {architecture.name} tells "
            f"{architecture.classes} apart; give images of its own"
        )
    module = open_module(supernet).to(device)
    done = dict.fromkeys(resolutions, 0)

    def tell(resolution: int, prefix: tuple[int, ...]) -> None:
        done[resolution] += 1
        on_progress(f"{resolution} px", done[resolution], PREFIXES)

    statistics = calibrate(module, images, supernet.preprocess, resolutions, tell)
    weights = {name: array for name, array in supernet.arrays.items() if not name.endswith(STATISTICS)}
    names = supernet.class_names
    if are_numbered(names):
        names = _name_outputs(images.class_names, names)
    return replace(supernet, arrays=weights, statistics=statistics, class_names=names)


def _name_outputs(theirs: tuple[str, ...], ours: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the images' classes, in the order of the outputs that they are matched with."""
    index = match_classes(theirs, ours)
    assert index is not None
    return tuple(theirs[i] for i in np.argsort(index))
