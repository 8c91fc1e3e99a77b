"""Accuracy of all compound subnets, along shared prefixes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import SPLITS, AccuracyTable
from compofa_deploy.data.splits import DataSplits, LabelledImages
from compofa_deploy.evaluation.checkpoint import Partial, fingerprint
from compofa_deploy.evaluation.checkpoint_files import open_partial, read_others
from compofa_deploy.evaluation.count import CPU, TOP, count_group, count_right
from compofa_deploy.evaluation.partial_counts import (
    Findings,
    add,
    count_seconds,
    from_done,
    is_known,
    join,
    list_ranges,
    to_done,
    total,
)
from compofa_deploy.evaluation.shards import (
    LEAVES,
    SHARD_STAGES,
    SHARDS,
    Part,
    count_units,
    list_cuts,
    take_share,
    want,
    weigh,
)
from compofa_deploy.supernet.statistics import Choices
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.torch_process.distributed import Ranks
from latency_tables.errors import MismatchError

KEEP_SECONDS = 5.0
"""How much work, besides the shard under way, may be lost by a process that is killed."""


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
) -> AccuracyTable:
    """The accuracy table of a supernet on the validation and test images.

    With ``partial``, what is done is kept there every few seconds (each further process adds its number to the name),
    and an evaluation that was stopped goes on from it, with as many processes as it is then given. All processes
    return the same table. ``on_progress`` is told the resolution, and how many of how many units have run there in
    this process.
    """
    supernet.check_calibrated(resolutions)
    check_classes(supernet, splits)
    tune_allocator()
    images = {"validation": splits.validation, "test": splits.test}
    key = [supernet.digest, *(fingerprint(images[split]) for split in SPLITS)]
    kept = open_partial(partial, key, ranks)
    own = from_done(kept.read(), str(kept.path))
    others = [from_done(done, f"{partial}.*") for done in read_others(partial, key, ranks)]
    known = join(ranks.gather(join([own, *others])))
    parts = _plan(supernet, images, resolutions, device, known)
    parts = take_share(parts, [weigh(supernet.architecture, part) for part in parts], ranks)
    _run(supernet, images, parts, device, own, kept, on_progress)
    known = join([known, *ranks.gather(own)])
    counts = {split: total(known, split, resolutions, len(images[split])) for split in SPLITS}
    return AccuracyTable(
        supernet.architecture.name,
        supernet.digest,
        data_name,
        made_by,
        tuple(resolutions),
        {split: len(images[split]) for split in SPLITS},
        {split: counts[split][0] for split in SPLITS},
        top5={split: counts[split][1] for split in SPLITS},
        seconds=round(count_seconds(known, resolutions), 3),
    )


def check_classes(supernet: StoredSupernet, splits: DataSplits) -> None:
    """:class:`MismatchError` where the images are of other classes than the supernet's. Numbers are no names."""
    numbers = tuple(map(str, range(supernet.architecture.classes)))
    for images in (splits.validation, splits.test):
        unnamed = numbers in (images.class_names, supernet.class_names)
        same = (
            len(images.class_names) == len(numbers) if unnamed else images.class_names == supernet.class_names
        )
        if not same:
            raise MismatchError(
                f"the images are of {_describe(images.class_names)}, and {supernet.architecture.name} tells "
                f"{_describe(supernet.class_names)} apart; give the data that it was trained on"
            )


def _describe(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} classes ({shown}{', ...' if len(names) > 3 else ''})"


def _plan(
    supernet: StoredSupernet,
    images: Mapping[str, LabelledImages],
    resolutions: Sequence[int],
    device: torch.device,
    known: Findings,
) -> list[Part]:
    """All that is left to do, in the order in which the tree is walked."""
    parts = [
        Part(resolution, split, start, stop, shard)
        for resolution in resolutions
        for split in SPLITS
        for start, stop in list_cuts(
            len(images[split]),
            count_group(supernet.architecture, resolution, device),
            list_ranges(known, resolution, split),
        )
        for shard in SHARDS
    ]
    return [part for part in parts if not is_known(known, part)]


def _run(
    supernet: StoredSupernet,
    images: Mapping[str, LabelledImages],
    parts: Sequence[Part],
    device: torch.device,
    found: Findings,
    kept: Partial,
    on_progress: Callable[[int, int, int], None],
) -> None:
    """Do parts, group by group of images, and put what comes out into ``found``."""
    kept_at = time.monotonic()
    groups = [
        list(group) for _, group in groupby(parts, lambda part: (part.resolution, part.split, part.start))
    ]
    totals: dict[int, int] = {}
    for group in groups:
        units = count_units([part.shard for part in group])
        totals[group[0].resolution] = totals.get(group[0].resolution, 0) + units
    done = dict.fromkeys(totals, 0)
    try:
        for group in groups:
            by_shard = {part.shard: part for part in group}
            resolution, counts = group[0].resolution, np.zeros((len(TOP), LEAVES), np.int64)
            number, began = 0, time.monotonic()

            def note_unit(resolution: int = resolution) -> None:
                done[resolution] += 1
                on_progress(resolution, done[resolution], totals[resolution])

            def note_subnet(
                choices: Choices,
                hits: NDArray[np.int64],
                by_shard: Mapping[Choices, Part] = by_shard,
                counts: NDArray[np.int64] = counts,
            ) -> None:
                nonlocal number, began, kept_at
                counts[:, number] = hits
                number += 1
                if number < LEAVES:
                    return
                now = time.monotonic()
                add(found, by_shard[choices[:SHARD_STAGES]], round(1000 * (now - began)), counts)
                number, began = 0, now
                if now - kept_at >= KEEP_SECONDS:
                    kept.keep(to_done(found))
                    kept_at = now

            chosen = images[group[0].split].take(np.arange(group[0].start, group[0].stop))
            count_right(supernet, chosen, resolution, want(by_shard), device, note_unit, note_subnet)
    finally:
        if parts:
            kept.keep(to_done(found))
