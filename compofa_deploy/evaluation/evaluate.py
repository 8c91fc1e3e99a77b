"""Accuracy of all compound subnets, along shared prefixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import SPLITS, AccuracyTable
from compofa_deploy.data.classes import align_classes
from compofa_deploy.data.labelled import ReadableImages
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.count import CPU, TOP, count_group, count_subnets
from compofa_deploy.evaluation.journal import Counts, EvaluationJournal
from compofa_deploy.evaluation.shards import (
    LEAVES,
    Part,
    count_units,
    list_parts,
    locate_leaves,
    take_share,
    want,
    weigh,
)
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.torch_process.distributed import Ranks
from profilers.machine.clock import now_s

COUNTS_PER_PART = 1 + len(TOP) * LEAVES
"""Milliseconds, then the top-1 hits of each of a shard's subnets, then their top-5 hits."""


def evaluate(
    supernet: StoredSupernet,
    splits: DataSplits,
    resolutions: Sequence[int],
    data_name: str,
    made_by: str,
    partial: Path | None = None,
    on_progress: Callable[[int, int, int], None] = lambda resolution, done, total: None,
    device: torch.device = CPU,
    ranks: Ranks = Ranks(),  # noqa: B008
    on_note: Callable[[str], None] = lambda text: None,
) -> AccuracyTable:
    """Count what every compound subnet gets right on the validation and test images.

    Args:
        supernet: A supernet with batch-norm statistics at all ``resolutions``.
        splits: Images of the supernet's own classes.
        resolutions: In pixels.
        data_name: The name of the images in the table.
        made_by: The command line in the table.
        partial: The journal of this evaluation. One that was stopped goes on from it, with any number of processes.
        on_progress: Called with a resolution, and how many of how many units have run there in this process.
        device: Where torch computes.
        ranks: The processes that share this evaluation. All of them return the same table.
        on_note: Called with one sentence where a file at ``partial`` had to be set aside.

    Returns:
        Top-1 and top-5 hits of 243 subnets at each resolution.

    Raises:
        MismatchError: The supernet has no statistics at a resolution, or the images have other classes, or
            ``partial`` belongs to another evaluation.
    """
    supernet.check_calibrated(resolutions)
    tune_allocator()
    name, class_names = supernet.architecture.name, supernet.class_names
    images: dict[str, ReadableImages] = {
        "validation": align_classes(splits.validation, class_names, name),
        "test": align_classes(splits.test, class_names, name),
    }
    key = [supernet.digest, *(images[split].fingerprint() for split in SPLITS)]
    journal = EvaluationJournal(partial, key, COUNTS_PER_PART, ranks.rank, on_note)
    known = _join(ranks.gather(journal.counts))
    sizes = {split: len(images[split]) for split in SPLITS}
    parts = [
        part
        for resolution in resolutions
        for part in list_parts(resolution, sizes, count_group(supernet.architecture, resolution, device))
    ]
    left = [part for part in parts if part.name not in known]
    own = take_share(left, [weigh(supernet.architecture, part) for part in left], ranks)
    _count_parts(supernet, images, own, device, journal, on_progress)
    known = _join([known, *ranks.gather(journal.counts)])
    counts = _add_up(parts, known, resolutions)
    return AccuracyTable(
        supernet.architecture.name,
        supernet.digest,
        data_name,
        made_by,
        tuple(resolutions),
        sizes,
        {split: counts[split][0] for split in SPLITS},
        top5={split: counts[split][1] for split in SPLITS},
        seconds=round(sum(known[part.name][0] for part in parts) / 1000, 3),
    )


def _join(several: Sequence[Counts]) -> Counts:
    return {name: counts for each in several for name, counts in each.items()}


def _count_parts(
    supernet: StoredSupernet,
    images: Mapping[str, ReadableImages],
    parts: Sequence[Part],
    device: torch.device,
    journal: EvaluationJournal,
    on_progress: Callable[[int, int, int], None],
) -> None:
    """Count parts, and write each down as soon as it is counted. Parts on the same images share one walk."""
    walks = [
        list(group) for _, group in groupby(parts, lambda part: (part.resolution, part.split, part.start))
    ]
    totals: dict[int, int] = {}
    for group in walks:
        units = count_units([part.shard for part in group])
        totals[group[0].resolution] = totals.get(group[0].resolution, 0) + units
    done = dict.fromkeys(totals, 0)
    for group in walks:
        first = group[0]

        def note_unit(resolution: int = first.resolution) -> None:
            done[resolution] += 1
            on_progress(resolution, done[resolution], totals[resolution])

        chosen = images[first.split].take(np.arange(first.start, first.stop))
        wanted = want([part.shard for part in group])
        began = now_s()
        subnets = count_subnets(supernet, chosen, first.resolution, wanted, device, note_unit)
        for part in group:
            # The walk yields the subnets of one shard after those of another, in the order of the parts.
            hits = np.array([hits for _, hits in islice(subnets, LEAVES)])
            now = now_s()
            journal.add(part.name, [round(1000 * (now - began)), *hits.T.ravel().tolist()])
            began = now


def _add_up(parts: Sequence[Part], known: Counts, resolutions: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    """Hits (2, resolutions, 243) on all of each split's images."""
    shape = (len(TOP), len(resolutions), len(COMPOUND_DEPTHS))
    counts = {split: np.zeros(shape, dtype=np.int64) for split in SPLITS}
    for part in parts:
        hits = np.array(known[part.name][1:]).reshape(len(TOP), LEAVES)
        counts[part.split][:, list(resolutions).index(part.resolution), locate_leaves(part.shard)] += hits
    return counts
