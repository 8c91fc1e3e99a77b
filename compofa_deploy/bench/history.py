"""Histories: a file that only grows, with one line for each run, without the samples."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bench.summary import Summary, summarise
from latency_tables.errors import FormatError, InputError
from latency_tables.record import RecordFile


@dataclass(frozen=True, slots=True)
class Entry(RecordFile):
    """One run.

    Attributes:
        created: ISO 8601, in UTC.
        label: The measured revision, such as a commit; may be empty.
        bundles: The numbers of each bundle.
    """

    FORMAT = "compofa-bench-history"
    VERSION = 1

    created: str
    label: str
    bundles: tuple[Summary, ...]

    @classmethod
    def of(cls, result: BenchResult) -> Self:
        """The entry that a history keeps for a result."""
        return cls(result.created, result.label, tuple(map(summarise, result.bundles)))


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a file in its order, and one error text for each line that cannot be read."""

    entries: tuple[Entry, ...]
    broken: tuple[str, ...]


def read_history(path: Path) -> History:
    """Read a history. A line that cannot be read is reported in ``broken``, and the other lines still count.

    Raises:
        InputError: The file does not exist, or cannot be read.
    """
    try:
        lines = path.read_bytes().decode(errors="replace").split("\n")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; make one with compofa bench run --append") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    entries, broken = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entries.append(Entry.parse(line, f"{path}, line {number}"))
        except FormatError as error:
            broken.append(str(error))
    return History(tuple(entries), tuple(broken))


def append_entry(path: Path, entry: Entry) -> None:
    """Append a run's line to a history, whole or not at all. A file that does not exist is created.

    An incomplete last line stays as it is, on a line of its own.

    Args:
        path: The history's file.
        entry: The run to append.

    Raises:
        InputError: The file cannot be written.
    """
    # Windows has no fcntl, and nothing is measured there.
    import fcntl

    data = entry.to_text().encode() + b"\n"
    try:
        with path.open("a+b", buffering=0) as file:
            # The lock ensures that the truncation below removes our own bytes only.
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 1, 0))
            if file.read(1) not in (b"", b"\n"):
                data = b"\n" + data
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(end)
                raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from None
