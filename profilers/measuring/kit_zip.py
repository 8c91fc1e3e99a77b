"""Kits as zips, which are carried to a device as one file."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from functools import partial
from pathlib import Path

from latency_tables.errors import FormatError, InputError
from latency_tables.files import replace_file
from latency_tables.json_text import LARGEST_TEXT
from profilers.measuring.kit import MANIFEST, Kit, check_name

MAX_UNPACKED_BYTES = 4 << 30
"""A zip that would unpack to more is refused before anything is written."""


def pack_kit(kit: Kit, path: Path) -> None:
    """Write a kit as a zip. One kit always gives the same bytes.

    Args:
        kit: The kit.
        path: The zip to write.
    """
    with replace_file(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        files = [(MANIFEST, (kit.folder / MANIFEST).read_bytes)]
        for item in kit.items:
            files.append((item.file, partial(kit.read, item)))
            if item.weights_file:
                files.append((item.weights_file, partial(kit.read_weights, item)))
        for name, read in files:
            # The date is fixed, since the files' own would make each zip differ.
            archive.writestr(zipfile.ZipInfo(name), read(), zipfile.ZIP_DEFLATED)


def unpack_kit(path: Path, folder: Path) -> Kit:
    """Unpack a zipped kit and load it. Nothing is written outside of its folder.

    Args:
        path: The zip.
        folder: A new or empty folder.

    Raises:
        InputError: There is no such zip, or the folder is not empty or cannot be written.
        FormatError: The zip is cut off, too large, or has a name that leads out of the folder; or it is no kit.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not empty; choose a new folder for the kit")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                check_name(entry.filename, str(path))
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
                raise FormatError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB; not a kit")
            if any(entry.filename == MANIFEST and entry.file_size > LARGEST_TEXT for entry in entries):
                raise FormatError(f"{path}: its manifest is larger than {LARGEST_TEXT >> 20} MiB; not a kit")
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise FormatError(f"{path}: not a zip that can be read ({error}); copy the kit again") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
    return Kit.load(folder)
