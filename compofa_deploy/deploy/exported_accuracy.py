"""Accuracy of exported graphs: what a runtime makes of them in its precision, on images.

A lower precision costs a subnet more or less of its accuracy, and another one a different part of it. So it is counted
by the graph that is deployed, run by the runtime that it is deployed to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import MISSING, SPLITS, AccuracyTable
from compofa_deploy.data.classes import align_classes
from compofa_deploy.data.labelled import FittableImages, ReadableImages
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.journal import EvaluationJournal
from compofa_deploy.export.writers import find_writer
from compofa_deploy.search.pareto import peel_fronts
from compofa_deploy.space.layers import enumerate_compound
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from profilers.measuring.model_files import ModelFiles
from profilers.targets.device import Device

BATCH = 250
"""Images that a graph takes at once. Numbers do not depend on it beyond rounding."""
CHUNK = 4 * BATCH
"""Images that a device is given at once, so that memory holds them at any resolution."""


@dataclass(frozen=True, slots=True)
class SizedImages:
    """Images at a resolution: ``pixels`` (n, side, side, 3) and ``labels`` (n,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, images: FittableImages, resolution: int) -> SizedImages:
        """Fit images to a resolution, each from its source."""
        return cls(images.resize(resolution), images.labels)


def count_exported(
    supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec, images: Sequence[SizedImages], device: Device
) -> list[int]:
    """Count the images that a subnet classifies rightly, as it is exported for a device spec.

    Args:
        supernet: The supernet of the subnet.
        subnet: The subnet.
        spec: The device spec that it is exported for.
        images: Sets of images of the subnet's resolution.
        device: The device that runs the exported model.

    Returns:
        The number of images of each set that are classified rightly.

    Raises:
        MeasurementError: The model cannot be loaded or run on the device.
    """
    writer, spec = find_writer(spec.runtime), replace(spec, batch=BATCH)
    written = writer.write_model(supernet, subnet, spec)
    weights = written[writer.WEIGHTS_FILE] if writer.WEIGHTS_FILE else b""
    files = ModelFiles(written[writer.MODEL_FILE], weights)
    chunks = [(place, slice(start, start + CHUNK)) for place, part in enumerate(images)
              for start in range(0, len(part.labels), CHUNK)]  # fmt: skip
    pixels = (supernet.preprocess.normalise(images[place].pixels[chunk]) for place, chunk in chunks)
    right = [0] * len(images)
    for (place, chunk), logits in zip(chunks, device.iterate_outputs(files, spec, pixels), strict=True):
        right[place] += int((logits.argmax(1) == images[place].labels[chunk]).sum())
    return right


def evaluate_exported(
    supernet: StoredSupernet,
    splits: DataSplits,
    resolutions: Sequence[int],
    spec: DeviceSpec,
    data_name: str,
    made_by: str,
    device: Device,
    partial: Path | None = None,
    on_progress: Callable[[int, int, int], None] = lambda resolution, done, total: None,
    wanted: Collection[Subnet] | None = None,
    on_note: Callable[[str], None] = lambda text: None,
) -> AccuracyTable:
    """The accuracy table of compound subnets as they are exported for a device spec, of all unless some are ``wanted``;
    other arguments as of :func:`compofa_deploy.evaluation.evaluate.evaluate`. In ``partial`` a subnet at a time is
    kept. ``on_progress`` is told how many of how many subnets."""
    supernet.check_calibrated(resolutions)
    name, class_names = supernet.architecture.name, supernet.class_names
    images: dict[str, ReadableImages] = {
        "validation": align_classes(splits.validation, class_names, name),
        "test": align_classes(splits.test, class_names, name),
    }
    prints = (images[split].fingerprint() for split in SPLITS)
    key = [supernet.digest, *prints, spec.runtime, spec.runtime_version, spec.precision]
    journal = EvaluationJournal(partial, key, size=1, on_note=on_note)
    known = journal.counts
    correct: dict[str, list[list[int]]] = {split: [] for split in SPLITS}
    for resolution in resolutions:
        every = enumerate_compound(resolution)
        subnets = [subnet for subnet in every if wanted is None or subnet in wanted]
        sized: list[SizedImages] = []
        for number, subnet in enumerate(subnets, 1):
            names = [f"{subnet.id}/{split}" for split in SPLITS]
            if any(name not in known for name in names):
                sized = sized or [SizedImages.of(images[split], resolution) for split in SPLITS]
                counts = count_exported(supernet, subnet, spec, sized, device)
                for name, count in zip(names, counts, strict=True):
                    journal.add(name, [count])
            on_progress(resolution, number, len(subnets))
        asked = {subnet.id for subnet in subnets}
        for split in SPLITS:
            correct[split].append([known[f"{s.id}/{split}"][0] if s.id in asked else MISSING for s in every])
    return AccuracyTable(
        supernet.architecture.name,
        supernet.digest,
        data_name,
        made_by,
        tuple(resolutions),
        {split: len(images[split]) for split in SPLITS},
        {split: np.array(correct[split]) for split in SPLITS},
        precision=spec.precision,
        runtime=spec.runtime,
        measured_on=spec.describe(),
    )


def list_promising(supernet: StoredSupernet, accuracies: AccuracyTable, fronts: int) -> list[Subnet]:
    """The subnets of the first so many fronts of validation accuracy over multiply-accumulates: those that a search is
    likely to pick in another precision as well, where evaluating all of them would take long."""
    sides = accuracies.resolutions
    subnets = [subnet for resolution in sides for subnet in enumerate_compound(resolution)]
    macs = [list_units(supernet.architecture, r).sum_over(lambda layer: layer.macs) for r in sides]
    chosen = peel_fronts(np.concatenate(macs).astype(np.float64), accuracies.accuracy().ravel(), fronts)
    return [subnets[index] for index in chosen]
