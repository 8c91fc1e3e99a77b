"""Translation of a runtime's own errors into errors of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from latency_tables.errors import CompofaError, MeasurementError


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn each error of a runtime into a one-line error; errors of this project pass unchanged.

    Args:
        what: What failed, as in ``openvino could not load the model``.

    Raises:
        MeasurementError: The block raised an error that is not of this project.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, CompofaError):
            raise
        raise MeasurementError(f"{what}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of an error's message; the name of its class where it has no message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
