"""stdout and stderr that fail in a known way: on a full disk, on a closed pipe, in a narrow encoding."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from latency_tables.errors import InputError


class OutputClosed(Exception):
    """The reader of stdout has gone, as ``head`` does once it has its lines. This is no error of the command."""


class _Stream:
    """A text stream that stands in for another."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def drop_rest(self) -> None:
        """Let what is left go nowhere: the interpreter writes it once more at its end, and would fail there."""
        with suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


class _Stdout(_Stream):
    """Says what keeps stdout from being written."""

    def write(self, text: str) -> int:
        if text == "":
            # Click tries a stream by an empty text, and takes an error for an answer.
            return 0
        try:
            return self._stream.write(text)
        except OSError as error:
            raise self._explain(error) from None

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise self._explain(error) from None

    def _explain(self, error: OSError) -> Exception:
        self.drop_rest()
        if isinstance(error, BrokenPipeError):
            return OutputClosed()
        return InputError(f"the output cannot be written ({error.strerror}); make room for it")


class _Stderr(_Stream):
    """Loses what cannot be written: progress and warnings are no reason to stop."""

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self.drop_rest()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self.drop_rest()


@contextmanager
def guard_streams() -> Iterator[None]:
    """Guards stdout and stderr within a block. Characters that their encoding lacks are written as escapes.

    Raises:
        OutputClosed: The reader of stdout has gone.
        InputError: stdout cannot be written, as on a full disk.
    """
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Both are None where they were closed before the start; click and rich then write nothing.
    if before[0] is not None:
        sys.stdout = _Stdout(before[0])
    if before[1] is not None:
        sys.stderr = _Stderr(before[1])
    try:
        yield
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        finally:
            sys.stdout, sys.stderr = before
