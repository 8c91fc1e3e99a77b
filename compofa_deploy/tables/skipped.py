"""Options that were left out of a choice, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skipped:
    """An option that was left out of a choice.

    Attributes:
        what: A runtime, a device spec, or another choice, as people read it.
        why: The reason, and the fix.
    """

    what: str
    why: str
