"""Journals: every measured session is written down at once, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_tables.errors import CompofaError, FormatError, InputError
from latency_tables.json_text import parse_json, parse_values
from latency_tables.measured_session import MeasuredSession
from profilers.measuring.locked_file import open_locked

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FORMAT = "compofa-journal"
VERSION = 1
ASIDE_SUFFIX = ".other"


class Journal:
    """JSON lines in a file: a header with the kit, the device spec and the plan, then a line for each session.

    The file is locked while the journal is open, since the lines of two runs would mix. A line that cannot be read is
    left out, and its session is measured again. Close the journal, or use it as a context.

    Attributes:
        path: The file.
        sessions: The sessions in the file, in the order of their lines.
        set_aside: Where the file of another run was moved to; ``None`` where there was none.
        unread: How many lines could not be read.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Open a journal, or begin a new one.

        Args:
            path: The file. A file with another header, or with none, is renamed: ``.other`` is appended to its name.
            identity: The header's content: what is measured, and how.

        Raises:
            InputError: The file cannot be written, or another run holds it.
        """
        self.path = Path(path)
        self.sessions: list[MeasuredSession] = []
        self.set_aside: Path | None = None
        self.unread = 0
        header = json.dumps({"format": FORMAT, "version": VERSION, **identity}, allow_nan=False)
        try:
            self._file = open_locked(self.path)
            lines = self.path.read_bytes().splitlines(keepends=True)
            if lines and not self._is_header(lines[0], header):
                self._set_aside()
                lines = []
            if lines:
                self._read(lines[1:])
            else:
                self._write(header)
        except OSError as error:
            raise self._explain(error) from None

    @property
    def note(self) -> str:
        """A note for the user on the file that was found; empty where it could be read whole."""
        if self.set_aside is not None:
            return f"{self.path} was the journal of another run and is now {self.set_aside}"
        if self.unread:
            lines = "1 line" if self.unread == 1 else f"{self.unread} lines"
            return f"{self.path}: {lines} could not be read, and what is missing is measured again"
        return ""

    def append(self, session: MeasuredSession) -> None:
        """Write a session down.

        Raises:
            InputError: The disk is full, or the file can no longer be written.
        """
        try:
            self._write(json.dumps(session.to_dict(), allow_nan=False))
        except OSError as error:
            raise self._explain(error) from None
        self.sessions.append(session)

    def close(self) -> None:
        """Close the file and free its lock. Every line is in the file already, so that a failure loses nothing."""
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_header(self, line: bytes, header: str) -> bool:
        try:
            found = parse_json(line.decode(), str(self.path), FORMAT, VERSION)
        except (CompofaError, ValueError, RecursionError):
            return False
        return bool(found == json.loads(header))

    def _set_aside(self) -> None:
        self.set_aside = self.path.with_name(self.path.name + ASIDE_SUFFIX)
        self.path.replace(self.set_aside)
        self._file.close()
        self._file = open_locked(self.path)

    def _read(self, lines: list[bytes]) -> None:
        """Take in the sessions of all lines that can be read."""
        if lines and not lines[-1].endswith(b"\n"):
            # The run was stopped while it wrote this line.
            cut = lines.pop()
            self._file.truncate(os.fstat(self._file.fileno()).st_size - len(cut))
        for number, line in enumerate(lines, start=2):
            where = f"{self.path}, line {number}"
            try:
                content = parse_values(line.decode(), where)
                self.sessions.append(MeasuredSession.from_dict(content, where))
            except (FormatError, UnicodeDecodeError):
                self.unread += 1

    def _write(self, line: str) -> None:
        """Append a line whole, or not at all."""
        size = os.fstat(self._file.fileno()).st_size
        rest = memoryview((line + "\n").encode())
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(size)
            raise

    def _explain(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path}: cannot be written ({error.strerror}); make room or choose another folder"
        )
