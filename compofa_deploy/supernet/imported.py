"""Importing a foreign checkpoint as a supernet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.families import find_family, is_single_network
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.supernet.foreign_checkpoint import Checkpoint, read_checkpoint
from compofa_deploy.supernet.published import Published, check_published, hash_file
from compofa_deploy.supernet.recognise import FIXED, WHOLE, recognise
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.errors import FormatError, InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""The mean and standard deviation that OFA and CompOFA normalise images with, as torchvision does."""


NOTES = "notes"
"""The field of an imported supernet's origin that holds statements about the import, for people."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The settings of an import that leave no trace in a checkpoint's tensors.

    Attributes:
        class_names: The names of the classes; empty for numbers.
        resolutions: The resolutions in pixels; empty for those of ImageNet.
        stem_stride: The stride of the first convolution.
        entry: The entry of the file that holds the weights; empty for the first usual one.
        kernels: The reading of kernels of 7 without matrices, ``fixed`` or ``7``; empty to derive it.
    """

    class_names: Sequence[str] = ()
    resolutions: Sequence[int] = ()
    stem_stride: int = 2
    entry: str = ""
    kernels: str = ""


def import_checkpoint(path: Path, options: ImportOptions = ImportOptions()) -> StoredSupernet:
    """Read an OFA or CompOFA checkpoint as a supernet in single precision.

    The batch-norm statistics are the checkpoint's. They fit no subnet in particular, unless the checkpoint is a
    single network. The origin's ``notes`` say which entry and which reading were taken, and which arrays were cropped.

    Args:
        path: The checkpoint.
        options: The settings that leave no trace in the tensors.

    Raises:
        FormatError: The file is broken, is not the one published under its name, or has a tensor that fits no
            architecture.
        InputError: The number of class names differs from that of classes, or a reading must be chosen.
    """
    sha256 = hash_file(path)
    published = check_published(path, sha256)
    checkpoint = read_checkpoint(path, options.entry)
    found = recognise(checkpoint.arrays, str(path), options.kernels or _read_kernels(published))
    architecture = found.architecture
    for name, array in found.arrays.items():
        if name.endswith("running_var") and array.min() < 0:
            raise FormatError(f"{path}: the variances {name} are below 0; the checkpoint is broken")
    if options.class_names and len(options.class_names) != architecture.classes:
        raise InputError(
            f"{len(options.class_names)} class names for {architecture.classes} classes; give one a line"
        )
    if options.resolutions or options.stem_stride != architecture.stem_stride:
        sides = tuple(options.resolutions) or architecture.resolutions
        architecture = replace(
            architecture,
            name=f"{architecture.name}-{sides[0]}to{sides[-1]}px",
            resolutions=sides,
            stem_stride=options.stem_stride,
        )
    origin: dict[str, Any] = {"imported_from": path.name, "sha256": sha256}
    if published is not None and published.sha256:
        origin |= {"published_by": published.note, "page": published.page}
    notes = [*_describe_entry(checkpoint), *found.notes]
    if notes:
        origin[NOTES] = "; ".join(notes)
    names = tuple(options.class_names) or tuple(f"class {i}" for i in range(architecture.classes))
    return StoredSupernet(
        architecture, found.arrays, None, Preprocess(IMAGENET_MEAN, IMAGENET_STD), names, origin, half=False
    )


def _read_kernels(published: Published | None) -> str:
    """The reading of kernels of 7 that a published file's name tells."""
    if published is None:
        return ""
    architecture = find_architecture(published.architecture)
    if is_single_network(architecture):
        return WHOLE
    choices = find_family(architecture).CHOICES
    return FIXED if choices.fixed_kernels and not architecture.elastic_kernel else ""


def _describe_entry(checkpoint: Checkpoint) -> list[str]:
    if not checkpoint.others:
        return []
    taken = f"the weights under {checkpoint.entry}" if checkpoint.entry else "the tensors at the top"
    others = ", ".join(checkpoint.others)
    return [f"{taken} were taken; others are under {others}: --weights {checkpoint.others[0]} takes these"]
