"""Availability: whether a runtime works on this machine, and the fix where it does not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Availability:
    """Whether a runtime works on this machine.

    Attributes:
        works: Whether it works.
        why: The reason where it does not.
        fix: The command or change that makes it work.
    """

    works: bool
    why: str = ""
    fix: str = ""
