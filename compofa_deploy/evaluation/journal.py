"""Journals of evaluations: each finished part is written down at once, so that an evaluation that was stopped goes on.

A journal is a file of JSON lines. Its first line says what is evaluated, and each further line is a finished part with
its counts. A line that was cut off is ignored, and its part is done again.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from latency_tables.errors import InputError, MismatchError
from latency_tables.files import replace_file

FORMAT = "compofa-evaluation-journal"
VERSION = 1

OLD_FORMAT = "compofa-partial-accuracies"
"""One JSON object with all finished parts, which earlier releases rewrote every few seconds. It is still read."""

ASIDE_SUFFIX, OLD_SUFFIX = ".unreadable", ".old"
"""The endings that are appended to the name of a file that is set aside."""

Counts: TypeAlias = dict[str, list[int]]
"""The counts of each finished part, by the name of the part."""


class EvaluationJournal:
    """The finished parts of one evaluation.

    Several processes may share an evaluation. Each of them appends to a file of its own, and reads the files of all.

    Attributes:
        counts: The finished parts, of this process and of all earlier ones.
    """

    def __init__(
        self,
        path: Path | None,
        key: Sequence[str],
        size: int,
        rank: int = 0,
        on_note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Open a journal, and read what was finished before.

        Args:
            path: The file of the first process. Every further process appends its number to the name. With ``None``
                nothing is kept.
            key: The digests and settings that the counts depend on.
            size: How many counts a part has. Entries with more or fewer are ignored.
            rank: The number of this process.
            on_note: Called with one sentence where a file had to be set aside.

        Raises:
            MismatchError: The file belongs to an evaluation with another key.
            InputError: The file cannot be read or written.
        """
        self.counts: Counts = {}
        self._header = {"format": FORMAT, "version": VERSION, "key": list(key)}
        self._own = None if path is None else _name_file(path, rank)
        self._size, self._on_note = size, on_note
        for file in [] if path is None else list_files(path):
            if file.exists():
                self._read(file)

    def add(self, name: str, counts: Sequence[int]) -> None:
        """Append a finished part to this process's file.

        Raises:
            InputError: The disk is full, or the folder cannot be written.
        """
        self.counts[name] = list(counts)
        if self._own is None:
            return
        lines: list[Mapping[str, Any]] = [{"part": name, "counts": self.counts[name]}]
        if not self._own.exists():
            lines.insert(0, self._header)
        try:
            # A single write without a buffer: a kill cuts off the last line at most, and closing cannot fail again.
            with self._own.open("ab", buffering=0) as file:
                file.write(_encode(lines))
        except OSError as error:
            raise InputError(
                f"{self._own}: cannot be written ({error.strerror}); make room or choose another folder"
            ) from None

    def _read(self, file: Path) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from None
        old = _parse_old(data)
        header, entries = old or _parse_lines(data)
        if header is None:
            self._set_aside(file, ASIDE_SUFFIX, "is no journal of an evaluation")
            return
        if old and header.get("key") != self._header["key"]:
            self._set_aside(file, OLD_SUFFIX, "was begun by an earlier release, on other images or settings")
            return
        if header.get("key") != self._header["key"]:
            raise MismatchError(
                f"{file}: belongs to an evaluation of another supernet, other images or other settings; finish that "
                "one with the command that began it, or give this one another -o"
            )
        for name, counts in entries.items():
            if _is_counts(counts, self._size):
                self.counts[name] = list(counts)
        if file == self._own and (old or not data.endswith(b"\n")):
            lines = [{"part": name, "counts": counts} for name, counts in entries.items()]
            with replace_file(file) as replaced:
                replaced.write(_encode([self._header, *lines]))

    def _set_aside(self, file: Path, suffix: str, reason: str) -> None:
        """Rename a file that cannot be gone on from, where it is this process's own."""
        if file != self._own:
            return
        aside = file.with_name(file.name + suffix)
        try:
            file.replace(aside)
        except OSError as error:
            raise InputError(f"{file}: cannot be renamed ({error.strerror}); give another -o") from None
        self._on_note(f"{file}: {reason}; it was renamed to {aside.name}")


def list_files(path: Path) -> list[Path]:
    """The file of the first process, and those of further processes that exist."""
    folder = path.parent
    further = folder.glob(f"{glob.escape(path.name)}.*") if folder.is_dir() else []
    return [path, *sorted(other for other in further if other.suffix[1:].isdecimal())]


def remove_journal(path: Path) -> None:
    """Remove the files of all processes, once their result is written."""
    for file in list_files(path):
        file.unlink(missing_ok=True)


def _name_file(path: Path, rank: int) -> Path:
    return path if rank == 0 else path.with_name(f"{path.name}.{rank}")


def _encode(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode()


def _parse_lines(data: bytes) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The header, or ``None`` where there is none, and the counts of every entry that can be read."""
    read = [_parse(line) for line in data.splitlines()]
    header = read[0] if read else {}
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        return None, {}
    return header, {str(line["part"]): line["counts"] for line in read[1:] if {"part", "counts"} <= set(line)}


def _parse_old(data: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The key and the counts of a file of ``OLD_FORMAT``; ``None`` where the file is not one."""
    read = _parse(data)
    done = read.get("done")
    if read.get("format") != OLD_FORMAT or not isinstance(done, dict):
        return None
    parts = ((name, part) for name, part in done.items() if isinstance(part, dict))
    return read, {f"{name}/{detail}": counts for name, part in parts for detail, counts in part.items()}


def _parse(text: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where the text is none."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _is_counts(counts: Any, size: int) -> bool:
    whole = isinstance(counts, list) and all(type(count) is int and count >= 0 for count in counts)
    return whole and len(counts) == size
