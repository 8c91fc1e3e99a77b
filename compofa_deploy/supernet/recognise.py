"""From a foreign checkpoint's tensors to the architecture that they are of, or to the first one that fits none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.families import FAMILIES, find_family
from compofa_deploy.space.named_architectures import ARCHITECTURES
from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.ofa_names import from_ofa_state
from compofa_deploy.supernet.shapes import list_supernet_shapes
from latency_tables.errors import FormatError

IMAGENET_CLASSES = 1000
CLASSIFIER = "classifier.weight"
WIDTHS = tuple(percent / 100 for percent in range(25, 205, 5))
"""Width multipliers that are tried behind those of the named architectures."""

DEPTHWISE = ".depthwise.weight"


def recognise(tensors: Mapping[str, Array], where: str) -> tuple[Architecture, dict[str, Array]]:
    """The architecture of a checkpoint and its arrays under our names.

    Width, number of classes and whether kernels are elastic are found from the shapes; stem stride and resolutions
    leave no trace in them, and are those that OFA and CompOFA train with on ImageNet. :class:`FormatError` names the
    first tensor that is unknown, missing, or of a shape that the architecture nearest to the checkpoint does not have.
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
    candidates = _list_candidates(int(classifier.shape[0]), elastic)
    nearest = min(candidates, key=lambda candidate: _count_misfits(arrays, candidate))
    arrays = _fix_kernels(arrays, nearest)
    _check_shapes({name: array.shape for name, array in arrays.items()}, nearest, theirs, where)
    return nearest, arrays


def _count_misfits(arrays: Mapping[str, Array], architecture: Architecture) -> int:
    found = {(name, array.shape) for name, array in arrays.items()}
    return len(found ^ set(list_supernet_shapes(architecture).items()))


def _list_candidates(classes: int, elastic: bool) -> list[Architecture]:
    """Named architectures first: of equally near ones, the first is taken."""
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
    return named + [replace(architecture, name=_make_name(architecture)) for architecture in unnamed]


def _make_name(architecture: Architecture) -> str:
    data = "imagenet" if architecture.classes == IMAGENET_CLASSES else f"{architecture.classes}classes"
    fixed = find_family(architecture).CHOICES.kernels and not architecture.elastic_kernel
    kernels = "-fixed" if fixed else ""
    return f"{architecture.family}-w{architecture.width}{kernels}-{data}"


def _fix_kernels(arrays: dict[str, Array], architecture: Architecture) -> dict[str, Array]:
    """CompOFA's fixed kernels are the centres of larger weights that have no matrices: keep what runs."""
    if architecture.elastic_kernel:
        return arrays
    fixed = dict(arrays)
    for name, shape in list_supernet_shapes(architecture).items():
        found = arrays.get(name)
        if name.endswith(DEPTHWISE) and found is not None and found.ndim == len(shape):
            edge = (found.shape[-1] - shape[-1]) // 2
            if edge > 0 and found.shape[-2] == found.shape[-1]:
                fixed[name] = found[:, :, edge:-edge, edge:-edge]
    return fixed


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
