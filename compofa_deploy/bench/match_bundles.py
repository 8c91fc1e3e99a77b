"""Matching the bundles of two folders, or two single bundles, and comparing each pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from compofa_deploy.bench.compare_models import compare_models
from compofa_deploy.bench.run import Subject, find_subjects
from compofa_deploy.bench.verdict import Comparison, allow_error
from compofa_deploy.bundle.bundle import MANIFEST
from compofa_deploy.bundle.deployment import Tensor
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError, MeasurementError, MismatchError
from profilers.targets.device import Device, TimedModel

OnModel = Callable[[str, float], None]
"""Called with a model's name and the share of its time that has passed, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bundles that can be compared here. ``notes`` name the settings in which they differ."""

    name: str
    old: Subject
    new: Subject
    notes: tuple[str, ...]


def find_pairs(old: Path, new: Path, device: Device) -> tuple[list[Pair], tuple[str, ...]]:
    """Match bundles by the names of their folders.

    Args:
        old: A bundle, or a folder of bundles.
        new: A bundle, or a folder of bundles.
        device: The device that will time them.

    Returns:
        The pairs, and one sentence for each bundle that only one side has.

    Raises:
        InputError: A place holds no bundle, a bundle is damaged or cannot be set up here, or no name is on both sides.
        MismatchError: The inputs of a pair differ.
        RuntimeUnavailable: A runtime is not installed.
    """
    olds, news = _list_bundles(old), _list_bundles(new)
    if len(olds) == len(news) == 1 and "" in olds and "" in news:
        (one,), (other,) = find_subjects([old], device), find_subjects([new], device)
        names = dict.fromkeys(subject.bundle.deployment.subnet for subject in (one, other))
        return [_match(" -> ".join(names), one, other)], ()
    if "" in olds or "" in news:
        raise InputError(
            f"{old} and {new}: one is a bundle, and the other a folder of bundles; give two of one kind"
        )
    shared = [name for name in olds if name in news]
    if not shared:
        raise InputError(
            f"no bundle in {old} ({', '.join(olds)}) has the name of one in {new} ({', '.join(news)}); bundles are "
            "matched by their folders' names"
        )
    pairs = zip(
        shared,
        find_subjects([olds[name] for name in shared], device),
        find_subjects([news[name] for name in shared], device),
        strict=True,
    )
    alone = [
        f"{name} is in {place} only, and was not compared"
        for place, mine, theirs in ((old, olds, news), (new, news, olds))
        for name in mine
        if name not in theirs
    ]
    return [_match(*pair) for pair in pairs], tuple(alone)


def compare_pairs(
    pairs: Sequence[Pair],
    device: Device,
    max_regression: float,
    limit_s: float,
    rng: np.random.Generator,
    on_model: OnModel = lambda name, share: None,
) -> list[Comparison]:
    """Compare pairs one after the other. All answers together are wrong as rarely as a single one may be.

    Args:
        pairs: The pairs to compare.
        device: The device that times them.
        max_regression: The largest acceptable slowdown, relative.
        limit_s: The time limit for each pair, in seconds.
        rng: Draws which model of a block is called first.
        on_model: Called with the progress of each pair.

    Raises:
        MeasurementError: A model cannot be loaded or run; the message names the pair.
        WorkerDied: The measuring process died; the message names the pair.
    """
    error = allow_error(len(pairs))
    return [
        _compare(pair, device, max_regression, limit_s, error, rng, partial(on_model, pair.name))
        for pair in pairs
    ]


def _compare(
    pair: Pair,
    device: Device,
    max_regression: float,
    limit_s: float,
    error: float,
    rng: np.random.Generator,
    on_share: Callable[[float], None],
) -> Comparison:
    old, new = (TimedModel(subject.bundle.read_files(), subject.spec) for subject in (pair.old, pair.new))
    try:
        return compare_models(
            pair.name, old, new, device, max_regression, limit_s, error, rng, on_share, pair.notes
        )
    except MeasurementError as failed:
        raise type(failed)(
            f"{pair.old.bundle.folder} and {pair.new.bundle.folder}: {failed}; export it anew for this machine"
        ) from None


def _list_bundles(place: Path) -> dict[str, Path]:
    """Bundles by the names of their folders. A place that is itself a bundle has the empty name."""
    if not place.is_dir():
        raise InputError(f"{place}: there is no such folder; give a bundle, or a folder of bundles")
    if (place / MANIFEST).exists():
        return {"": place}
    found = {folder.name: folder for folder in sorted(place.iterdir()) if (folder / MANIFEST).exists()}
    if not found:
        raise InputError(
            f"{place}: is not a bundle and holds none; give a bundle made by compofa deploy or export, or a folder of "
            "bundles"
        )
    return found


def _match(name: str, old: Subject, new: Subject) -> Pair:
    inputs = [_describe_input(subject.bundle.deployment.input) for subject in (old, new)]
    if inputs[0] != inputs[1]:
        raise MismatchError(
            f"{old.bundle.folder} takes {inputs[0]} and {new.bundle.folder} takes {inputs[1]}; compare models with the "
            "same input"
        )
    return Pair(name, old, new, tuple(_list_notes(old, new)))


def _describe_input(tensor: Tensor) -> str:
    return f"{tensor.name}, {tensor.dtype} of {' x '.join(map(str, tensor.shape))}"


def _list_notes(old: Subject, new: Subject) -> list[str]:
    """How the two differ besides their models. A difference of settings is part of the comparison."""
    notes = [f"{difference}: part of what is compared" for difference in old.spec.list_differences(new.spec)]
    for word, subject in (("old", old), ("new", new)):
        if note := _describe_version(subject.bundle.spec, subject.spec):
            notes.append(f"the {word} bundle {note}")
    if old.spec.machine.cores == 1:
        notes.append("this machine has one core, so every other process delays the models")
    return notes


def _describe_version(made_for: DeviceSpec, here: DeviceSpec) -> str:
    if made_for.runtime_version == here.runtime_version:
        return ""
    return f"was made with {made_for.runtime} {made_for.runtime_version}, and runs here on {here.runtime_version}"
