"""Images in Parquet, as on the Hugging Face hub, read by pyarrow.

A row has a struct ``image`` (or ``img``) whose ``bytes`` are an encoded image, and an integer ``label``. Names of the
classes are in the schema's metadata: as JSON under ``class_names``, or as the hub writes them under ``huggingface``.
The encoded bytes are held in memory; a set that is larger than that belongs into a folder of images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compofa_deploy.data.encoded import EncodedImages
from latency_tables.errors import FormatError, InputError

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")


def find_parquet(folder: Path, split: str) -> list[Path]:
    """The files of a split, in order: ``train.parquet``, or ``train-00000-of-00002.parquet`` and so on, in the folder
    or in its folder ``data``."""
    for place in (folder, folder / "data"):
        whole = place / f"{split}.parquet"
        if whole.is_file():
            return [whole]
        parts = sorted(place.glob(f"{split}-*-of-*.parquet"))
        if parts:
            return parts
    return []


def read_parquet(paths: Sequence[Path]) -> EncodedImages:
    """One split of one or several files; :class:`FormatError` where they are not what they must be."""
    parts = [_read(path) for path in paths]
    names = parts[0][2]
    sources = [data for part in parts for data in part[0]]
    labels = np.concatenate([part[1] for part in parts])
    classes = names or tuple(map(str, range(int(labels.max()) + 1)))
    if any(part[2] != names for part in parts):
        raise FormatError(
            f"{paths[0].parent}: the parts of a split differ in class_names; give them the same"
        )
    if labels.min() < 0 or labels.max() >= len(classes):
        raise FormatError(
            f"{paths[0]}: labels must lie in 0 to {len(classes) - 1}, the classes that are named"
        )
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} to {paths[-1].name}"
    return EncodedImages(name, sources, np.arange(len(sources)), labels, classes)


def _read(path: Path) -> tuple[list[bytes], np.ndarray[Any, np.dtype[np.int64]], tuple[str, ...]]:
    import pyarrow.parquet
    from pyarrow import ArrowException

    try:
        schema = pyarrow.parquet.read_schema(path)
        image, label = _choose(schema.names, IMAGE_COLUMNS), _choose(schema.names, LABEL_COLUMNS)
        table = pyarrow.parquet.read_table(path, columns=[image, label])
        encoded = [row["bytes"] for row in table[image].to_pylist()]
        labels = np.asarray(table[label].to_pylist(), dtype=np.int64)
        names = _read_names(schema.metadata or {}, label)
        if not encoded or not all(isinstance(data, bytes) for data in encoded):
            raise ValueError("a row without the bytes of an image" if encoded else "no rows")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not a Parquet split with image and label columns ({error})") from None
    return encoded, labels, names


def _choose(present: Sequence[str], wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in present:
            return name
    raise KeyError(f"no column {' or '.join(wanted)}")


def _read_names(metadata: Mapping[bytes, bytes], label: str) -> tuple[str, ...]:
    names = json.loads(metadata.get(b"class_names", b"[]"))
    if not names and b"huggingface" in metadata:
        feature = json.loads(metadata[b"huggingface"])["info"]["features"].get(label, {})
        names = feature.get("names", [])
    if not isinstance(names, list):
        raise ValueError("class_names must be a list")
    return tuple(map(str, names))
