"""Files: read up to a limit, written whole or not at all, and versioned where they hold JSON."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from latency_tables.errors import FormatError, InputError
from latency_tables.json_text import LARGEST_TEXT, parse_json
from latency_tables.scratch import owner_tag, sweep


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, and rename it onto ``path`` when the block ends well.

    Where the block fails, or is interrupted, nothing is left behind and the earlier file stays. The temporary file of a
    process that was killed is removed by the next one that writes to ``path``. A symbolic link is followed: the file
    that it names is replaced, and the link stays.

    Raises:
        InputError: ``path`` is a folder, a device, a pipe or a socket; or the folder cannot be written; or the disk is
            full.
    """
    path = Path(path)
    descriptor, temporary, target = _make_temporary(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~read_umask())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_replaceable(path: Path) -> None:
    """Check that :func:`replace_file` can write to ``path``, before long work is done for it. Nothing is left behind.

    Raises:
        InputError: ``path`` is a folder, a device, a pipe or a socket; or the folder cannot be written.
    """
    descriptor, temporary, _ = _make_temporary(Path(path))
    os.close(descriptor)
    temporary.unlink()


def _make_temporary(path: Path) -> tuple[int, Path, Path]:
    """A new temporary file's descriptor and path, and the file that it is to replace."""
    try:
        _check_regular(path)
        # Beside the file itself: a rename onto a link would replace the link.
        target = Path(os.path.realpath(path))
        sweep(target.parent, f".{target.name}.")
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.{owner_tag()}.")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
    return descriptor, Path(name), target


def write_json(
    path: Path, kind: str, version: int, content: Mapping[str, Any], *, indent: int | None = 1
) -> None:
    """Write ``{"format": kind, "version": version, **content}``, whole or not at all.

    Args:
        path: The file.
        kind: The format.
        version: The version of the format.
        content: The other fields.
        indent: Spaces by which the text is indented; ``None`` for one line.

    Raises:
        InputError: The file cannot be written.
        ValueError: The content holds NaN or infinity, which is a bug.
    """
    text = json.dumps({"format": kind, "version": version, **content}, indent=indent, allow_nan=False)
    with replace_file(path) as file:
        file.write(text.encode() + b"\n")


def read_json(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Read what :func:`write_json` wrote.

    Args:
        path: The file.
        kind: The format that it must state.
        version: The version that it must state.

    Raises:
        InputError: There is no such file.
        FormatError: The file is no text, or not of this format and version.
    """
    return parse_json(read_text(path, LARGEST_TEXT), str(path), kind, version)


def read_text(path: Path, limit: int) -> str:
    """A file's text.

    Args:
        path: The file.
        limit: The largest size in bytes.

    Raises:
        InputError: There is no such file.
        FormatError: The file is no UTF-8, not a regular file, or larger than the limit.
    """
    try:
        return read_bytes(path, limit).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: cannot be read as text ({error})") from None


def read_bytes(path: Path, limit: int) -> bytes:
    """A file's content, of which no more than the limit is ever held.

    Args:
        path: The file.
        limit: The largest size in bytes.

    Raises:
        InputError: There is no such file.
        FormatError: The file cannot be read, is not a regular file, or is larger than the limit.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) and not Path(path).is_dir():
            raise FormatError(f"{path}: is a device, a pipe or a socket; give the name of a regular file")
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as text ({error})") from None
    if len(data) > limit:
        raise FormatError(f"{path}: is larger than {limit >> 20} MiB; no file of this kind is")
    return data


def _check_regular(path: Path) -> None:
    """Raise :class:`InputError` where a rename onto the path would remove something else than a regular file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder; give the name of a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is a device, a pipe or a socket, not a regular file; choose another file")


def read_umask() -> int:
    """The rights that new files are not given; the system tells them only while they are set."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
