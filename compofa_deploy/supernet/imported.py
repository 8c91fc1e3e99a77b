"""Importing a foreign checkpoint: read, recognised, and put into a supernet's form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.checkpoint import read_checkpoint
from compofa_deploy.supernet.published import check_published, hash_file
from compofa_deploy.supernet.recognise import recognise
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.errors import FormatError, InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""What OFA and CompOFA normalise images with, as torchvision does."""


def import_checkpoint(
    path: Path,
    class_names: Sequence[str] = (),
    resolutions: Sequence[int] = (),
    stem_stride: int = 2,
) -> StoredSupernet:
    """The supernet of an OFA or CompOFA checkpoint, in single precision.

    Its batch-norm statistics are the checkpoint's, which fit no subnet in particular. What leaves no trace in the
    tensors may be given: names of the classes (else they are numbered), resolutions, stem stride.
    :class:`FormatError` where the file is broken, is not the one that is published under its name, or names the first
    tensor that fits no architecture; :class:`InputError` where the names are not as many as the classes.
    """
    sha256 = hash_file(path)
    published = check_published(path, sha256)
    architecture, arrays = recognise(read_checkpoint(path), str(path))
    for name, array in arrays.items():
        if name.endswith("running_var") and array.min() < 0:
            raise FormatError(f"{path}: the variances {name} are below 0; the checkpoint is broken")
    if class_names and len(class_names) != architecture.classes:
        raise InputError(
            f"{len(class_names)} class names for {architecture.classes} classes; give one a line"
        )
    if resolutions or stem_stride != architecture.stem_stride:
        sides = tuple(resolutions) or architecture.resolutions
        name = f"{architecture.name}-{sides[0]}to{sides[-1]}px"
        architecture = replace(architecture, name=name, resolutions=sides, stem_stride=stem_stride)
    origin = {"imported_from": path.name, "sha256": sha256}
    if published is not None and published.sha256:
        origin |= {"published_by": published.note, "page": published.page}
    names = tuple(class_names) or tuple(f"class {i}" for i in range(architecture.classes))
    return StoredSupernet(
        architecture, arrays, None, Preprocess(IMAGENET_MEAN, IMAGENET_STD), names, origin, half=False
    )
