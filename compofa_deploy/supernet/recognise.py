"""Recognising a foreign checkpoint: its architecture from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.families import FAMILIES, find_family
from compofa_deploy.space.named_architectures import ARCHITECTURES
from compofa_deploy.space.subnet import KERNELS
from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.ofa_names import from_ofa_state
from compofa_deploy.supernet.shapes import list_supernet_shapes
from latency_tables.errors import FormatError, InputError

IMAGENET_CLASSES = 1000
CLASSIFIER = "classifier.weight"
WIDTHS = tuple(percent / 100 for percent in range(25, 205, 5))
"""Width multipliers that are tried after those of the named architectures."""

DEPTHWISE = ".depthwise.weight"
LARGEST_KERNEL = max(KERNELS)

FIXED, WHOLE = "fixed", "7"
"""The two readings of kernels of 7 without matrices.

``fixed``: a supernet of CompOFA, which runs the centres of its kernels. ``7``: a single network, which runs them whole.
"""

ELASTIC_NAME = re.compile(r"\.(conv\.conv|bn\.bn)\.")
"""The doubled names of elastic layers, which a supernet's state dict has and a single network's has not."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A recognised checkpoint.

    Attributes:
        architecture: The architecture.
        arrays: The arrays under this project's names.
        notes: Statements about choices between readings and about cropped arrays, for people.
    """

    architecture: Architecture
    arrays: dict[str, Array]
    notes: tuple[str, ...] = ()


def recognise(tensors: Mapping[str, Array], where: str, kernels: str = "") -> Recognised:
    """Find the architecture of a checkpoint from its tensors.

    Width, number of classes and elastic kernels follow from the shapes. Stem stride and resolutions leave no trace in
    them; those that OFA and CompOFA train with on ImageNet are assumed. Kernels of 7 without matrices have two
    readings: where ``kernels`` is empty, the names of elastic layers decide, and a note says so.

    Args:
        tensors: The tensors under OFA's names.
        where: The file, for messages.
        kernels: ``fixed`` to crop kernels to CompOFA's fixed sizes, ``7`` to keep kernels of 7, or empty.

    Raises:
        FormatError: A tensor is unknown, missing, or of another shape than in the nearest architecture; the first is
            named.
        InputError: The kernels have two readings, and nothing tells which is right.
    """
    try:
        theirs = from_ofa_state({name: name for name in tensors})
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    arrays = {name: tensors[theirs[name]] for name in theirs}
    classifier = arrays.get(CLASSIFIER)
    if classifier is None or classifier.ndim != 2:
        raise FormatError(f"{where}: tensor {theirs.get(CLASSIFIER, CLASSIFIER)} is missing, or is no matrix")
    elastic = any("matrix_" in name for name in arrays)
    whole = not elastic and _are_all_largest(arrays)
    single = not any(ELASTIC_NAME.search(name) for name in tensors)
    reading = kernels or (WHOLE if whole and single else FIXED)
    if reading == WHOLE and not whole:
        raise InputError(f"{where}: its kernels are not all 7 without matrices; leave --kernels out")
    candidates = _list_candidates(int(classifier.shape[0]), elastic, reading == WHOLE)
    nearest = min(candidates, key=lambda candidate: _count_misfits(arrays, candidate))
    kept, cropped = _crop_kernels(arrays, nearest)
    if cropped and single and not kernels:
        raise InputError(
            f"{where}: {len(cropped)} kernels, the first {theirs[cropped[0]]}, are larger than those of {nearest.name}"
            ", and nothing tells whether their centres run; give --kernels fixed if they do, else it is no supernet"
        )
    _check_shapes({name: array.shape for name, array in kept.items()}, nearest, theirs, where)
    return Recognised(nearest, kept, _list_notes(arrays, kept, cropped, whole and not kernels, reading))


def _are_all_largest(arrays: Mapping[str, Array]) -> bool:
    """Whether every block behind the first has a kernel of 7."""
    sizes = {
        array.shape[-1]
        for name, array in arrays.items()
        if name.endswith(DEPTHWISE) and not name.startswith("blocks.0.") and array.ndim
    }
    return sizes == {LARGEST_KERNEL}


def _list_notes(
    arrays: Mapping[str, Array],
    kept: Mapping[str, Array],
    cropped: Sequence[str],
    guessed: bool,
    reading: str,
) -> tuple[str, ...]:
    notes = []
    if guessed and reading == WHOLE:
        notes.append(
            "kernels of 7 without matrices, under the names of a single network: read as OFA's teacher, which runs "
            "them whole; if it is a supernet of CompOFA, which runs their centres, import it with --kernels fixed"
        )
    elif guessed:
        notes.append(
            "kernels of 7 without matrices, under the names of elastic layers: read as a supernet of CompOFA, which "
            "runs their centres; if it is a single network that runs them whole, import it with --kernels 7"
        )
    if cropped:
        sizes = sorted({(arrays[name].shape[-1], kept[name].shape[-1]) for name in cropped})
        shown = " and ".join(f"{before}x{before} to {after}x{after}" for before, after in sizes)
        notes.append(f"{len(cropped)} depthwise kernels were cropped to their centres: {shown}")
    return tuple(notes)


def _count_misfits(arrays: Mapping[str, Array], architecture: Architecture) -> int:
    found = {(name, array.shape) for name, array in arrays.items()}
    return len(found ^ set(list_supernet_shapes(architecture).items()))


def _list_candidates(classes: int, elastic: bool, whole: bool) -> list[Architecture]:
    """Return the architectures to compare with. The named come first: of equally near ones the first is taken."""
    named = [
        a
        for a in ARCHITECTURES.values()
        if (a.classes, a.elastic_kernel, a.resolutions) == (classes, elastic, IMAGENET_RESOLUTIONS)
    ]
    unnamed = [
        Architecture("", width, classes, 2, IMAGENET_RESOLUTIONS, family, elastic)
        for family in FAMILIES
        for width in WIDTHS
    ]
    listed = named + [replace(architecture, name=_make_name(architecture)) for architecture in unnamed]
    return [architecture for architecture in listed if _runs_whole(architecture) == whole]


def _runs_whole(architecture: Architecture) -> bool:
    """Whether the family has one kernel size, the largest."""
    return find_family(architecture).CHOICES.kernels == (LARGEST_KERNEL,)


def _make_name(architecture: Architecture) -> str:
    data = "imagenet" if architecture.classes == IMAGENET_CLASSES else f"{architecture.classes}classes"
    fixed = find_family(architecture).CHOICES.fixed_kernels and not architecture.elastic_kernel
    kernels = "-fixed" if fixed else ""
    return f"{architecture.family}-w{architecture.width}{kernels}-{data}"


def _crop_kernels(arrays: dict[str, Array], architecture: Architecture) -> tuple[dict[str, Array], list[str]]:
    """Return the arrays with larger kernels cropped to their centres, and the names of these.

    CompOFA trains its fixed kernels as the centres of larger weights that have no matrices.
    """
    if architecture.elastic_kernel:
        return arrays, []
    fixed, cropped = dict(arrays), []
    for name, shape in list_supernet_shapes(architecture).items():
        found = arrays.get(name)
        if name.endswith(DEPTHWISE) and found is not None and found.ndim == len(shape):
            edge = (found.shape[-1] - shape[-1]) // 2
            if edge > 0 and found.shape[-2] == found.shape[-1]:
                fixed[name] = found[:, :, edge:-edge, edge:-edge]
                cropped.append(name)
    return fixed, cropped


def _check_shapes(
    shapes: Mapping[str, tuple[int, ...]],
    architecture: Architecture,
    theirs: Mapping[str, str],
    where: str,
) -> None:
    wanted = list_supernet_shapes(architecture)
    for name, shape in shapes.items():
        if name not in wanted:
            raise FormatError(
                f"{where}: tensor {theirs[name]} has no place in {architecture.name}, the architecture that it is "
                "nearest to"
            )
        if shape != wanted[name]:
            raise FormatError(
                f"{where}: tensor {theirs[name]} is {list(shape)}, and {list(wanted[name])} in {architecture.name}, "
                "the architecture that it is nearest to"
            )
    for name in wanted:
        if name not in shapes:
            raise FormatError(
                f"{where}: there is no tensor for {name} of {architecture.name}; the checkpoint is not whole"
            )
