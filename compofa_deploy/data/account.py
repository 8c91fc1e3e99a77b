"""The account of a data set: how many images were taken from it, and which files were passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Files of one kind that were not read: how many, and the path of the first."""

    kind: str
    count: int
    first: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.count} (first: {self.first})"


@dataclass(frozen=True, slots=True)
class Account:
    """The images that were taken from one split, and the files that were passed over.

    Attributes:
        split: The name of the split, or the file.
        images: How many images were listed, before any of them was decoded.
        classes: How many classes they have.
        passed_over: The files that were not read, by kind.
        note: Anything else that a user should know of this split, as a sentence.
    """

    split: str
    images: int
    classes: int
    passed_over: tuple[PassedOver, ...] = ()
    note: str = ""

    def describe(self) -> str:
        """One line for people."""
        text = f"{self.split}: {self.images} images of {self.classes} classes"
        if self.passed_over:
            text += f"; passed over {', '.join(map(str, self.passed_over))}"
        return f"{text}; {self.note}" if self.note else text


@dataclass
class PassedOverCounter:
    """Counts the files that a listing passes over, by kind."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, path: object) -> None:
        """Count a file."""
        self.found.setdefault(kind, []).append(str(path))

    def list_kinds(self) -> tuple[PassedOver, ...]:
        """Every kind, with the first path in alphabetical order."""
        kinds: Mapping[str, list[str]] = dict(sorted(self.found.items()))
        return tuple(PassedOver(kind, len(paths), min(paths)) for kind, paths in kinds.items())
