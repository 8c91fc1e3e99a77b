"""Images in Parquet, as on the Hugging Face hub, read by pyarrow.

A row has a column ``image`` (or ``img``): encoded bytes, or a struct with encoded ``bytes``. Its ``label`` is a whole
number or the name of a class. The names of the classes may be in the schema's metadata: as JSON under ``class_names``,
or as the hub writes them under ``huggingface``. The encoded bytes are held in memory; larger sets belong into folders.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.classes import UnlabelledError, number_names, order_names
from compofa_deploy.data.encoded import EncodedImages
from latency_tables.errors import FormatError, InputError

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")

UNLABELLED = -1
"""The label of an image without one, in published test splits."""

MOST_CLASSES = 1_000_000
"""More classes than this are labels of another kind."""

LFS_POINTER = b"version https://git-lfs"
"""The beginning of the small text file that Git LFS leaves where the data was not fetched."""


def read_parquet(paths: Sequence[Path], class_names: Sequence[str] = ()) -> EncodedImages:
    """Read one split from one or several files.

    Args:
        paths: The files, in order.
        class_names: The names of the classes where the files state none: those of the training split.

    Raises:
        UnlabelledError: No image has a label.
        FormatError: A file is not Parquet, or a column does not hold what it should, or files contradict one another.
    """
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} to {paths[-1].name}"
    parts = [_read(path) for path in paths]
    stated = parts[0][2]
    if any(part[2] != stated for part in parts):
        raise FormatError(
            f"{paths[0].parent}: the parts of a split differ in class_names; give them the same"
        )
    sources = [data for part in parts for data in part[0]]
    labels = [label for part in parts for label in part[1]]
    if all(label in (None, UNLABELLED) for label in labels):
        raise UnlabelledError(f"{name}: no image has a label")
    names = stated or tuple(class_names) or _list_names(labels, name)
    return EncodedImages(name, sources, np.arange(len(sources)), _index_labels(labels, names, name), names)


def _read(path: Path) -> tuple[list[bytes], list[Any], tuple[str, ...]]:
    """The encoded images, the labels as they are, and the names of the classes, if any."""
    import pyarrow.parquet
    from pyarrow import ArrowException

    try:
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise FormatError(
                    f"{path}: is a pointer of Git LFS in place of the data; fetch it with git lfs pull"
                )
        schema = pyarrow.parquet.read_schema(path)
        image, label = (_choose(schema.names, wanted) for wanted in (IMAGE_COLUMNS, LABEL_COLUMNS))
        table = pyarrow.parquet.read_table(path, columns=[image, label])
        names = _read_names(schema.metadata or {}, label)
        return _read_images(table[image], image), _read_labels(table[label], label), names
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise FormatError(f"{path}: not a Parquet split with image and label columns ({text})") from None


def _choose(present: Sequence[str], wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in present:
            return name
    raise KeyError(f"no column {' or '.join(wanted)}; there are {', '.join(present)}")


def _read_images(column: Any, name: str) -> list[bytes]:
    rows = column.to_pylist()
    if not rows:
        raise ValueError("no rows")
    encoded: list[Any] = [row.get("bytes") if isinstance(row, dict) else row for row in rows]
    for number, data in enumerate(encoded):
        if not isinstance(data, bytes):
            raise ValueError(
                f"column {name}, row {number}: must hold an encoded image as bytes, or a struct with them as bytes, "
                f"not {_describe_value(rows[number])}"
            )
    return encoded


def _read_labels(column: Any, name: str) -> list[Any]:
    labels: list[Any] = column.to_pylist()
    kinds = {type(label) for label in labels if label is not None}
    if len(kinds) > 1 or not kinds <= {int, str}:
        wrong = next(label for label in labels if type(label) not in (int, str, type(None)))
        raise ValueError(
            f"column {name}: must hold whole numbers or the names of classes, not {_describe_value(wrong)}"
        )
    return labels


def _list_names(labels: Sequence[Any], where: str) -> tuple[str, ...]:
    """The classes of labels that nothing names: their texts, or the numbers up to the largest."""
    known = [label for label in labels if label is not None]
    if isinstance(known[0], str):
        return tuple(order_names(set(known)))
    if max(known) >= MOST_CLASSES:
        raise FormatError(f"{where}: has label {max(known)}; number the classes from 0 on, without gaps")
    return number_names(max(known) + 1)


def _index_labels(labels: Sequence[Any], names: tuple[str, ...], where: str) -> NDArray[np.int64]:
    """Labels as indices into the names of the classes."""
    position = {name: index for index, name in enumerate(names)}
    index = [position.get(label, -1) if isinstance(label, str) else label for label in labels]
    for row, value in enumerate(index):
        if value is None or not 0 <= value < len(names):
            known = (
                f"is none of the {len(names)} classes ({', '.join(names[:3])}, ...)"
                if isinstance(labels[row], str)
                else f"labels must lie in 0 to {len(names) - 1}, the classes that are named"
            )
            raise FormatError(f"{where}: row {row} has label {labels[row]!r}; {known}")
    return np.array(index, np.int64)


def _read_names(metadata: Mapping[bytes, bytes], label: str) -> tuple[str, ...]:
    names = json.loads(metadata.get(b"class_names", b"[]"))
    if not names and b"huggingface" in metadata:
        feature = json.loads(metadata[b"huggingface"])["info"]["features"].get(label, {})
        names = feature.get("names", [])
    if not isinstance(names, list):
        raise ValueError("class_names must be a list")
    names = tuple(map(str, names))
    if len(set(names)) < len(names):
        raise ValueError(f"class_names has {next(name for name in names if names.count(name) > 1)!r} twice")
    return names


def _describe_value(value: Any) -> str:
    if isinstance(value, dict):
        return f"a struct of {', '.join(value)}" if value.get("bytes", "") is not None else "no bytes"
    return "nothing" if value is None else f"{value!r:.40}"
