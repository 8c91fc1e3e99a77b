"""Journals: every visit, written down as soon as it is done, so that an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from latency_tables.errors import CompofaError, FormatError, InputError
from latency_tables.json_text import parse_json
from latency_tables.measurement import Visit

if TYPE_CHECKING:
    from typing import Self

FORMAT = "compofa-journal"
VERSION = 1
ASIDE_SUFFIX = ".other"


class Journal:
    """JSON lines in a file: first what is measured and how, then a line for each visit.

    ``identity`` is that first line's content. A journal of another identity, or one that cannot be read, is set
    aside under the name with ``.other`` appended, and ``set_aside`` then names it. A last line that was cut off is
    dropped.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.visits: list[Visit] = []
        self.set_aside: Path | None = None
        header = json.dumps({"format": FORMAT, "version": VERSION, **identity}, allow_nan=False)
        try:
            kept = self._read(header)
            if kept is None:
                self._file: IO[str] = self.path.open("w", encoding="utf-8", newline="\n")
                self._write(header)
            else:
                self._file = self._go_on(kept)
        except OSError as error:
            raise self._unwritable(error) from None

    def append(self, visit: Visit) -> None:
        """Write a visit down; :class:`InputError` where the disk is full."""
        try:
            self._write(json.dumps(visit.to_dict(), allow_nan=False))
        except OSError as error:
            raise self._unwritable(error) from None
        self.visits.append(visit)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, header: str) -> int | None:
        """Take in the visits of a journal that is there; how many bytes of it are sound, ``None`` for none."""
        if not self.path.exists():
            return None
        lines = self.path.read_bytes().splitlines(keepends=True)
        try:
            found = parse_json(lines[0].decode() if lines else "", str(self.path), FORMAT, VERSION)
            if found != json.loads(header):
                raise FormatError(f"{self.path}: is the journal of another run")
            kept = len(lines[0])
            for number, line in enumerate(lines[1:], start=2):
                if not line.endswith(b"\n"):
                    break
                self.visits.append(Visit.from_dict(json.loads(line), f"{self.path}, line {number}"))
                kept += len(line)
        except (CompofaError, ValueError):
            self.visits.clear()
            self.set_aside = self.path.with_name(self.path.name + ASIDE_SUFFIX)
            self.path.replace(self.set_aside)
            return None
        return kept

    def _go_on(self, kept: int) -> IO[str]:
        with self.path.open("r+b") as file:
            file.truncate(kept)
        return self.path.open("a", encoding="utf-8", newline="\n")

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path}: cannot be written ({error.strerror}); make room or choose another folder"
        )
