"""Accuracy of random subnets, for spaces that are too large to evaluate as a whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compofa_deploy.accuracy.csv_table import COLUMNS
from compofa_deploy.data.classes import align_classes
from compofa_deploy.data.decode import decode
from compofa_deploy.data.labelled import FittableImages, LastFit
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.calibrate import calibrating, load_batch, read_state
from compofa_deploy.evaluation.calibrate_supernet import open_module
from compofa_deploy.evaluation.count import CPU, count_hits, load_batches
from compofa_deploy.evaluation.folded import FoldedLayers
from compofa_deploy.evaluation.journal import Counts, EvaluationJournal
from compofa_deploy.space.choice_arrays import Space, to_subnet
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import cut_weights
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.torch_process.distributed import Ranks
from latency_tables.errors import MismatchError
from latency_tables.files import replace_file
from profilers.machine.clock import now_s

COUNTS = ("top-1 hits", "top-5 hits", "milliseconds")
"""The counts of a subnet in a journal."""


@dataclass(frozen=True)
class SampledAccuracies:
    """Hits of n different subnets on validation images.

    Attributes:
        subnets: The subnets.
        top1: (n,), on how many images the label is the likeliest class.
        top5: (n,), on how many images the label is among the five likeliest classes.
        seconds: (n,), the time that each subnet took, calibration included.
        images: The number of validation images.
    """

    subnets: tuple[Subnet, ...]
    top1: NDArray[np.int64]
    top5: NDArray[np.int64]
    seconds: NDArray[np.float64]
    images: int

    def save(self, path: Path) -> None:
        """Write a CSV in per cent, which ``compofa accuracy fit`` and ``compofa search --accuracy`` read."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for subnet, top1, top5, seconds in zip(self.subnets, self.top1, self.top5, self.seconds, strict=True):
            percents = [f"{100 * count / self.images:.4f}" for count in (top1, top5)]
            writer.writerow([subnet.id, *percents, self.images, f"{seconds:.3f}"])
        with replace_file(path) as file:
            file.write(text.getvalue().encode())


def evaluate_sampled(
    supernet: StoredSupernet,
    splits: DataSplits,
    space: Space,
    count: int,
    resolutions: Sequence[int],
    seed: int = 0,
    calibration_images: int = 2000,
    partial: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    device: torch.device = CPU,
    ranks: Ranks = Ranks(),  # noqa: B008
    on_note: Callable[[str], None] = lambda text: None,
) -> SampledAccuracies:
    """Calibrate random subnets of a space on training images, one by one, and count what they get right.

    Args:
        supernet: A supernet of family mbv3 with elastic kernels.
        splits: Images of the supernet's own classes.
        space: The space that the subnets are drawn from.
        count: How many subnets. More of the same ``seed`` begin with the same ones.
        resolutions: In pixels; each subnet is drawn with one of them.
        seed: Of the subnets and of the calibration images.
        calibration_images: How many training images each subnet is calibrated on.
        partial: The journal of this evaluation. One that was stopped goes on from it, a subnet at a time.
        on_progress: Called with how many of how many subnets are done in this process.
        device: Where torch computes.
        ranks: The processes that share this evaluation. All of them return the same accuracies.
        on_note: Called with one sentence where a file at ``partial`` had to be set aside.

    Raises:
        MismatchError: The supernet has none of the space, or the images have other classes, or ``partial`` belongs to
            another evaluation.
    """
    architecture = supernet.architecture
    if architecture.family != "mbv3" or not architecture.elastic_kernel:
        raise MismatchError(
            f"{architecture.name} has no subnets of the space {space.name}: these need elastic kernels of family mbv3"
        )
    tune_allocator()
    module = open_module(supernet).to(device)
    rng = np.random.default_rng(seed)
    calibration = decode(splits.train.sample(calibration_images, rng))
    validation = align_classes(splits.validation, supernet.class_names, architecture.name)
    key = [supernet.digest, validation.fingerprint(), calibration.fingerprint()]
    subnets = draw_subnets(space, count, resolutions, seed)
    journal = EvaluationJournal(partial, key, len(COUNTS), ranks.rank, on_note)
    known: Counts = {}
    for finished in ranks.gather(journal.counts):
        known.update(finished)
    left = [subnet for subnet in subnets if _name_part(subnet) not in known]
    # In the order of their resolutions, so that images are fitted once for each.
    own = sorted(left, key=lambda subnet: subnet.resolution)[ranks.rank :: ranks.world]
    fitted = LastFit(calibration), LastFit(validation)
    for number, subnet in enumerate(own, 1):
        began = now_s()
        hits = count_subnet(supernet, module, subnet, *fitted)
        journal.add(_name_part(subnet), [*hits.tolist(), round(1000 * (now_s() - began))])
        on_progress(number, len(own))
    for finished in ranks.gather(journal.counts):
        known.update(finished)
    rows = np.array([known[_name_part(subnet)] for subnet in subnets])
    return SampledAccuracies(subnets, rows[:, 0], rows[:, 1], rows[:, 2] / 1000, len(splits.validation))


def _name_part(subnet: Subnet) -> str:
    return f"{subnet.id}/found"


def draw_subnets(space: Space, count: int, resolutions: Sequence[int], seed: int) -> tuple[Subnet, ...]:
    """Draw different members of a space at random, each at one of the resolutions.

    Raises:
        MismatchError: The space has fewer than ``count`` members at these resolutions.
    """
    if count > space.size * len(resolutions):
        raise MismatchError(
            f"the space {space.name} has {space.size} subnets at a resolution, fewer than {count}; ask for fewer"
        )
    drawn: dict[Subnet, None] = {}
    rng = np.random.default_rng([seed, 1])
    while len(drawn) < count:
        drawn[to_subnet(space.sample(rng, 1)[0], int(rng.choice(list(resolutions))))] = None
    return tuple(drawn)


def count_subnet(
    supernet: StoredSupernet,
    module: Supernet,
    subnet: Subnet,
    calibration: FittableImages,
    images: FittableImages,
) -> NDArray[np.int64]:
    """Calibrate one subnet, and count what it gets right.

    Args:
        supernet: The supernet that the subnet is cut from.
        module: A module with the supernet's weights, on the device that computes.
        subnet: Any member of the supernet.
        calibration: The batch-norm statistics are those of all these images as one batch.
        images: The images to count on.

    Returns:
        Top-1 hits and top-5 hits (2,).
    """
    layers, device = supernet.layers_of(subnet), next(module.parameters()).device
    with calibrating(module), torch.inference_mode():
        module(load_batch(module, calibration, supernet.preprocess, subnet.resolution), layers)
    arrays = {**supernet.arrays, **read_state(module, layers)}
    network = FoldedLayers(layers, cut_weights(arrays, layers), device)
    batches = load_batches(images, subnet.resolution, supernet.preprocess, device)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        logits = torch.cat([network(batch) for batch in batches])
    return count_hits(logits, torch.from_numpy(images.labels).to(device))
