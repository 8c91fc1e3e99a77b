"""What was left out of a choice, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not among the choices.

    Attributes:
        what: A runtime, a device spec, or another choice, as people read it.
        why: The reason, and what mends it.
    """

    what: str
    why: str
