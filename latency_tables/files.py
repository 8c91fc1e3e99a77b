"""Versioned JSON files: read with every doubt, written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from latency_tables.errors import FormatError, InputError


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, and rename it onto ``path`` when the block ends well.

    Where the block fails, or is interrupted, nothing is left behind and the earlier file stays. A symbolic link is
    followed: the file that it names is replaced, and the link stays.

    Raises:
        InputError: ``path`` is a folder, a device, a pipe or a socket; or the folder cannot be written; or the disk is
            full.
    """
    path = Path(path)
    try:
        _check_regular(path)
        # Beside the file itself: a rename onto a link would replace the link.
        target = Path(os.path.realpath(path))
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(
    path: Path, kind: str, version: int, content: Mapping[str, Any], *, indent: int | None = 1
) -> None:
    """Write ``{"format": kind, "version": version, **content}``. NaN and infinity are refused as a bug."""
    text = json.dumps({"format": kind, "version": version, **content}, indent=indent, allow_nan=False)
    with replace_file(path) as file:
        file.write(text.encode() + b"\n")


def read_json(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Read what :func:`write_json` wrote; :class:`FormatError` says where a file is not that."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text ({error})") from None
    return parse_json(text, str(path), kind, version)


def parse_json(text: str, where: str, kind: str, version: int) -> dict[str, Any]:
    """The same for a text; ``where`` names it in errors."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not the JSON it should be ({error}); it may be cut off") from None
    if not isinstance(data, dict) or data.get("format") != kind:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise FormatError(f"{where}: is {found!r}, not a {kind}")
    if data.get("version") != version:
        raise FormatError(
            f"{where}: is version {data.get('version')!r} of {kind}; this release reads version {version}"
        )
    _check_finite(data, where)
    return data


def _check_regular(path: Path) -> None:
    """:class:`InputError` where a rename onto the path would remove what is no regular file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder; give the name of a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is a device, a pipe or a socket, not a regular file; choose another file")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _check_finite(value: Any, where: str) -> None:
    """JSON has no infinity, but ``1e999`` reads as one."""
    if isinstance(value, float) and not math.isfinite(value):
        raise FormatError(f"{where}: not a finite number")
    if isinstance(value, dict):
        for key, entry in value.items():
            _check_finite(entry, f"{where}, {key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _check_finite(entry, f"{where}[{index}]")
