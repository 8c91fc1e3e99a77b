"""Accuracy of all compound subnets, along shared prefixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compofa_deploy.evaluation.folded import FoldedLayers
from compofa_deploy.evaluation.table import SPLITS, AccuracyTable
from compofa_deploy.evaluation.tree import PREFIXES, walk
from compofa_deploy.space import COMPOUND_DEPTHS
from compofa_deploy.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.cut import cut_weights
from compofa_deploy.supernet.statistics import Choices, locate_unit
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.training.data import DataSplits, LabelledImages
from compofa_deploy.training.process import tune_allocator
from latency_tables.errors import FormatError, MismatchError
from latency_tables.files import read_json, write_json

BATCH = 250
"""Images that run through a unit at once. More no longer fit a core's cache; results do not depend on it."""

GROUP = 15_000
"""Images whose activations are held at once while the tree is walked."""

PARTIAL_FORMAT = "compofa-partial-accuracies"


def evaluate(
    supernet: StoredSupernet,
    splits: DataSplits,
    resolutions: Sequence[int],
    data_name: str,
    made_by: str,
    partial: Path | None = None,
    on_progress: Callable[[int, int, int], None] = lambda resolution, done, total: None,
) -> AccuracyTable:
    """The accuracy table of a supernet on the validation and test images.

    With ``partial``, what is done of a resolution at a time is kept there, and an evaluation that was stopped goes on
    from it. ``on_progress`` is told the resolution, and how many of how many units have run.
    """
    if supernet.statistics is None:
        raise MismatchError(
            f"{supernet.architecture.name} has no batch-norm statistics; calibrate it first: compofa models calibrate"
        )
    for resolution in resolutions:
        if resolution not in supernet.statistics.resolutions:
            raise MismatchError(
                f"{supernet.architecture.name} has no batch-norm statistics at {resolution} px; there are "
                f"{', '.join(map(str, supernet.statistics.resolutions))}"
            )
    tune_allocator()
    images = {"validation": splits.validation, "test": splits.test}
    key = [supernet.digest, *(fingerprint(images[split]) for split in SPLITS)]
    done = _read_partial(partial, key)
    for resolution in resolutions:
        if str(resolution) in done:
            continue
        done[str(resolution)] = {
            split: count_correct(supernet, images[split], resolution, on_progress=on_progress).tolist()
            for split in SPLITS
        }
        if partial is not None:
            write_json(partial, PARTIAL_FORMAT, 1, {"key": key, "done": done})
    return AccuracyTable(
        supernet.architecture.name,
        supernet.digest,
        data_name,
        made_by,
        tuple(resolutions),
        {split: len(images[split]) for split in SPLITS},
        {split: np.array([done[str(r)][split] for r in resolutions]) for split in SPLITS},
    )


def count_correct(
    supernet: StoredSupernet,
    images: LabelledImages,
    resolution: int,
    wanted: Callable[[Choices], bool] = lambda prefix: True,
    on_progress: Callable[[int, int, int], None] = lambda resolution, done, total: None,
) -> NDArray[np.int64]:
    """(243,): how many images each compound subnet classifies rightly at a resolution; 0 where not ``wanted``."""
    correct = np.zeros((len(DEPTHS),) * STAGES, dtype=np.int64)
    pixels = images.resize(resolution)
    groups = range(0, len(images), GROUP)
    total = len(groups) * PREFIXES
    done = 0

    def run(prefix: Choices, batches: list[Tensor]) -> list[Tensor]:
        nonlocal done
        unit = fold_unit(supernet, resolution, prefix)
        done += 1
        on_progress(resolution, done, total)
        return [unit(batch) for batch in batches]

    for start in groups:
        normalised = supernet.preprocess.normalise(pixels[start : start + GROUP])
        batches = [
            torch.from_numpy(normalised[i : i + BATCH]).contiguous(memory_format=torch.channels_last)
            for i in range(0, len(normalised), BATCH)
        ]
        labels = images.labels[start : start + GROUP]
        for choices, logits in walk(run, batches, wanted):
            predicted = torch.cat(logits).argmax(1).numpy()
            correct[choices] += int((predicted == labels).sum())
    return correct.reshape(len(COMPOUND_DEPTHS))


def fold_unit(supernet: StoredSupernet, resolution: int, prefix: Choices) -> FoldedLayers:
    """The unit that ends a prefix of choices, with the statistics that belong there."""
    assert supernet.statistics is not None
    _, layers, _ = locate_unit(supernet.architecture, resolution, prefix)
    statistics = supernet.statistics.find_unit(resolution, prefix)
    return FoldedLayers(layers, cut_weights({**supernet.arrays, **statistics}, layers))


def fingerprint(images: LabelledImages) -> str:
    """Tells one set of images from another: SHA-256 of its pixels and labels."""
    import hashlib

    digest = hashlib.sha256(images.pixels.tobytes())
    digest.update(images.labels.tobytes())
    return digest.hexdigest()


def _read_partial(path: Path | None, key: list[str]) -> dict[str, Mapping[str, list[int]]]:
    if path is None or not path.exists():
        return {}
    data = read_json(path, PARTIAL_FORMAT, 1)
    if data.get("key") != key:
        raise MismatchError(f"{path}: is of another supernet or other images; remove it to begin anew")
    done: dict[str, Mapping[str, list[int]]] | None = data.get("done")
    if not isinstance(done, dict):
        raise FormatError(f"{path}: does not say what was done; remove it to begin anew")
    return done
