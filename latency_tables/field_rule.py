"""Field rules: what a type hint does not say of a field in a JSON file."""

from __future__ import annotations

from dataclasses import Field, dataclass
from typing import Any

METADATA_KEY = "json"


@dataclass(frozen=True)
class FieldRule:
    """How one dataclass field is stored, and which values it may have.

    A bound on numbers holds for each entry where the field is a list or an object.

    Attributes:
        key: The field's name in the file; empty where it is the attribute's name.
        minimum: The smallest number.
        above: Numbers must be larger than this.
        below: Numbers must be smaller than this.
        choices: The texts that are allowed; empty for any.
        pattern: A regular expression that a text matches as a whole; empty for any.
        entries: The least number of entries of a list.
        advice: The fix, for the end of a message.
        keys: What the keys of an object with whole numbers as keys are, for a message.
        optional: The file may lack the field; the dataclass's default then holds.
        omit: The field is left out of the file where it has its default; implies ``optional``.
        stored: Whether the field is in the file at all.
    """

    key: str = ""
    minimum: float = 0.0
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    entries: int = 0
    advice: str = ""
    keys: str = "a whole number"
    optional: bool = False
    omit: bool = False
    stored: bool = True

    def advise(self, problem: str) -> str:
        """The problem, followed by the fix where the rule has one."""
        return f"{problem}; {self.advice}" if self.advice else problem


def rule(**options: Any) -> dict[str, FieldRule]:
    """Metadata for :func:`dataclasses.field`; the options are the attributes of :class:`FieldRule`.

    >>> rule(minimum=1)["json"].minimum
    1
    """
    return {METADATA_KEY: FieldRule(**options)}


def find_rule(field: Field[Any]) -> FieldRule:
    """The rule of a dataclass field, or the rule without bounds."""
    found = field.metadata.get(METADATA_KEY)
    return found if isinstance(found, FieldRule) else FieldRule()
