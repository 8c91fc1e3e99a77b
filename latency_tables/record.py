"""Records: dataclasses that know their JSON form, alone or as a whole file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from latency_tables.decoder import decode, encode
from latency_tables.files import read_json, write_json
from latency_tables.json_text import parse_json

R = TypeVar("R", bound="Record")
F = TypeVar("F", bound="RecordFile")


class Record:
    """Base of a frozen dataclass that is stored as a JSON object.

    Its fields are read by their type hints and :class:`latency_tables.field_rule.FieldRule`.
    """

    refuse_unknown: ClassVar[bool] = False
    """Whether a field that the dataclass does not have is an error."""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        return encode(self)

    @classmethod
    def from_dict(cls: type[R], data: Any, where: str = "") -> R:
        """Read the form that :meth:`to_dict` wrote.

        Args:
            data: A JSON value.
            where: Its name in errors; by default the class's name, as in ``device_spec``.

        Raises:
            FormatError: A field is missing or wrong; the message names it.
        """
        return decode(cls, data, where or _name_kind(cls))


class RecordFile(Record):
    """Base of a frozen dataclass that is stored as a versioned JSON file."""

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int]
    INDENT: ClassVar[int | None] = None
    """Spaces by which the file is indented; ``None`` for one line."""

    def save(self, path: Path) -> None:
        """Write the file whole or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        write_json(Path(path), self.FORMAT, self.VERSION, self.to_dict(), indent=self.INDENT)

    def to_content(self) -> dict[str, Any]:
        """The file's content with its format and version, read back by :meth:`from_content`."""
        return {"format": self.FORMAT, "version": self.VERSION, **self.to_dict()}

    def to_text(self) -> str:
        """The file's content in one line, read back by :meth:`parse`."""
        return json.dumps({"format": self.FORMAT, "version": self.VERSION, **self.to_dict()}, allow_nan=False)

    @classmethod
    def load(cls: type[F], path: Path) -> F:
        """Read the file that :meth:`save` wrote.

        Raises:
            InputError: The file is not there.
            FormatError: A field is missing or wrong; the message names it.
        """
        return cls.from_content(read_json(Path(path), cls.FORMAT, cls.VERSION), str(path))

    @classmethod
    def parse(cls: type[F], text: str, where: str) -> F:
        """Read a file's text.

        Args:
            text: JSON.
            where: The text's name in errors.

        Raises:
            FormatError: A field is missing or wrong; the message names it.
        """
        return cls.from_content(parse_json(text, where, cls.FORMAT, cls.VERSION), where)

    @classmethod
    def from_content(cls: type[F], content: Mapping[str, Any], where: str) -> F:
        """Read a file's content, whose format and version were checked.

        Args:
            content: A JSON object.
            where: Its name in errors.

        Raises:
            FormatError: A field is missing or wrong; the message names it.
        """
        stated = ("format", "version")
        return cls.from_dict({key: value for key, value in content.items() if key not in stated}, where)


def _name_kind(kind: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
