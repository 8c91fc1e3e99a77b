"""Text from files and devices, made safe for a terminal."""

from __future__ import annotations

import unicodedata

LONGEST_LINE = 4000
"""Characters of a line that are shown; a file may hold megabytes in one."""

KEPT = "\n\t"
ESCAPED = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
"""Unicode categories that are shown as escapes: controls, invisible formats, and what no font has."""


def clean(text: str) -> str:
    r"""Shows control characters as escapes, and cuts lines that are too long.

    >>> clean("a\x1b[31mb")
    'a\\x1b[31mb'

    Args:
        text: The text, of one or several lines.
    """
    if text.isascii() and text.isprintable() and len(text) <= LONGEST_LINE:
        return text
    return "\n".join(_cut("".join(map(_escape, line))) for line in text.split("\n"))


def _escape(character: str) -> str:
    if character in KEPT or unicodedata.category(character) not in ESCAPED:
        return character
    return character.encode("unicode_escape").decode()


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}... ({len(line)} characters in all)"
