"""A stored supernet, calibrated on one's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from compofa_deploy.data.splits import LabelledImages
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


def recalibrate(
    supernet: StoredSupernet,
    images: LabelledImages,
    resolutions: Sequence[int],
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    device: torch.device = CPU,
) -> StoredSupernet:
    """The supernet with batch-norm statistics of all compound subnets at these resolutions, over all of the
    images, and with the names of their classes. Its weights are unchanged.

    All images run at once, on ``device``: memory is about that of the widest layer's activations on all of them, a few
    times over.
    :class:`MismatchError` where the images are of more or fewer classes; :class:`InputError` where the family has no
    compound subnets.
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
    return replace(supernet, arrays=weights, statistics=statistics, class_names=images.class_names)
