"""How one process answers another in JSON: errors by their kind and message.

A worker answers its parent so, and an agent answers the host. An answer is not trusted. An unknown kind is a
:class:`~latency_tables.errors.MeasurementError`, and a message is cut to one short line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latency_tables.errors import CompofaError, MeasurementError

LONGEST_MESSAGE = 2000
"""Characters of a message that are kept."""


def encode_error(error: CompofaError) -> dict[str, str]:
    """An error as a JSON-ready answer, read back by :func:`decode_error`."""
    return {"error": type(error).__name__, "message": str(error)}


def decode_error(answer: Mapping[str, Any]) -> CompofaError:
    """The error that an answer names.

    Args:
        answer: The kind of error as ``error``, and its ``message``.

    Returns:
        An error of that kind; a :class:`MeasurementError` where there is no such kind.

    >>> decode_error({"error": "InputError", "message": "the batch is 0"})
    InputError('the batch is 0')
    >>> decode_error({"error": "EXIT_DONE"})
    MeasurementError('it does not say why it failed')
    """
    kinds = {kind.__name__: kind for kind in _list_kinds(CompofaError)}
    kind = kinds.get(str(answer.get("error")), MeasurementError)
    message = " ".join(str(answer.get("message") or "").split())[:LONGEST_MESSAGE]
    return kind(message or "it does not say why it failed")


def _list_kinds(base: type[CompofaError]) -> Iterator[type[CompofaError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _list_kinds(kind)
