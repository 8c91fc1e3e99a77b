"""Finding the Parquet files of a split, and refusing a split whose shards are not complete."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from latency_tables.errors import InputError

_SHARD = r"-(?P<index>[0-9]+)-of-(?P<count>[0-9]+)(?:-[0-9a-f]+)?\.parquet"
"""The end of a shard's name on the Hugging Face hub, where a hash may follow the numbers."""


def find_parquet(folder: Path, split: str) -> list[Path]:
    """Find the Parquet files of a split.

    They are in the folder itself, or in one folder in it: ``data``, ``plain_text``, or any other name that is not
    hidden. Their names are ``SPLIT.parquet``, or ``SPLIT-00000-of-00002.parquet`` and so on.

    Args:
        folder: The folder of the data set.
        split: The name of the split, such as ``train``.

    Returns:
        The files in order; none where there is no such split.

    Raises:
        InputError: A shard is missing or there twice, or the split is in several places.
    """
    places = [folder, *sorted(place for place in _list_folders(folder))]
    found = [(place, files) for place in places if (files := _list_files(place, split))]
    if len(found) > 1:
        raise InputError(
            f"{folder}: the split {split} is there twice, as {found[0][1][0]} and {found[1][1][0]}; keep one of them, "
            "or give the folder of one"
        )
    if not found:
        return []
    files = found[0][1]
    if any(file.name == f"{split}.parquet" for file in files):
        if len(files) > 1:
            raise InputError(
                f"{folder}: the split {split} is there twice, as {files[0]} and {files[1]}; keep one of them"
            )
        return files
    _check_shards(files, split)
    return files


def _list_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


def _list_files(place: Path, split: str) -> list[Path]:
    if not place.is_dir():
        return []
    pattern = re.compile(f"{re.escape(split)}(?:{_SHARD}|\\.parquet)")
    return sorted(path for path in place.iterdir() if pattern.fullmatch(path.name) and path.is_file())


def _check_shards(files: Sequence[Path], split: str) -> None:
    """:class:`InputError` unless the files are all shards of one number of shards, each once."""
    place = files[0].parent
    named = [re.fullmatch(f"{re.escape(split)}{_SHARD}", file.name) for file in files]
    numbers = [(int(match["index"]), int(match["count"])) for match in named if match]
    count = numbers[0][1]
    other = next((file for file, number in zip(files, numbers, strict=True) if number[1] != count), None)
    if other is not None:
        raise InputError(
            f"{place}: {files[0].name} and {other.name} are of different numbers of shards; keep those of one"
        )
    by_index: dict[int, Path] = {}
    for file, (index, _) in zip(files, numbers, strict=True):
        if index in by_index:
            raise InputError(
                f"{place}: {by_index[index].name} and {file.name} are one shard; keep one of them"
            )
        by_index[index] = file
    missing = [index for index in range(count) if index not in by_index]
    if missing or len(by_index) > count:
        which = f"lacks shard {missing[0]} of {count}" if missing else f"has more than {count} shards"
        raise InputError(
            f"{place}: the split {split} {which}, beside {files[0].name}; fetch all of its shards"
        )
