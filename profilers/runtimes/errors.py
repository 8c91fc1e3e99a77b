"""What a runtime raises, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from latency_tables.errors import CompofaError, MeasurementError


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn whatever a runtime raises into a :class:`MeasurementError` of one line; ours pass as they are."""
    try:
        yield
    except Exception as error:
        if isinstance(error, CompofaError):
            raise
        raise MeasurementError(f"{what}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
