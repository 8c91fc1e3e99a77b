"""Writing a bundle in its place, which removes nothing but an unchanged bundle that was there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from compofa_deploy.bundle.bundle import CONTENT_ID, MANIFEST, Bundle, read_checked, read_manifest
from compofa_deploy.bundle.deployment import Deployment, FileEntry
from compofa_deploy.bundle.folder_exchange import SET_ASIDE, move_into_place, restore_folder
from latency_tables.errors import CompofaError, InputError, VerificationError
from latency_tables.files import write_json
from latency_tables.machine import hash_json
from latency_tables.scratch import list_abandoned, owner_tag

_ELSEWHERE = "choose another place with -o"
_NAMES_SHOWN = 3
"""How many files a refusal names."""


def write_bundle(folder: Path, deployment: Deployment, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle beside its place and move it there whole.

    An older bundle is replaced as :func:`check_replaceable` allows: nothing is removed but unchanged files that its
    manifest lists. A symbolic link to a folder is followed, and stays.

    Args:
        folder: The bundle's place.
        deployment: The manifest's content.
        files: The content of each file that the manifest lists, by name.

    Returns:
        The bundle, whose folder is the real path of its place.

    Raises:
        InputError: Something else is in the place, or nothing can be written there. What was there stays.
    """
    check_replaceable(folder)
    folder = _resolve(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.{owner_tag()}."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    new = staging / "bundle"
    try:
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
        content = deployment.to_content()
        write_json(
            new / MANIFEST, deployment.FORMAT, deployment.VERSION, {**content, CONTENT_ID: hash_json(content)}
        )
        listed = _list_removable(folder)
        old = move_into_place(new, folder)
    except OSError as error:
        _discard(staging, new, folder)
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from None
    except BaseException:
        _discard(staging, new, folder)
        raise
    if old is not None:
        _remove_files(old, listed, folder)
    with suppress(OSError):
        staging.rmdir()
    return Bundle(folder, deployment)


def check_replaceable(folder: Path) -> None:
    """Check that a new bundle can be written to a place, and that nothing else is lost by it.

    A place is free where nothing is there, or an empty folder, or a bundle that holds nothing but unchanged files that
    its manifest lists. An older bundle that a killed run left hidden is first put back.

    Raises:
        InputError: Anything else is there, which is named, or nothing can be written there.
    """
    if Path(folder).is_symlink() and not Path(folder).exists():
        raise InputError(f"{folder}: is a symbolic link to nothing; {_ELSEWHERE}")
    folder = _resolve(folder)
    restore_folder(folder, MANIFEST)
    _sweep_staging(folder)
    _list_removable(folder)
    above = next(parent for parent in folder.parents if parent.exists())
    try:
        Path(tempfile.mkdtemp(dir=above, prefix=f".{folder.name}.{owner_tag()}.")).rmdir()
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None


def _sweep_staging(folder: Path) -> None:
    """Remove the staging folders of killed processes. An older bundle within is removed as in :func:`write_bundle`."""
    for staging in list_abandoned(folder.parent, f".{folder.name}."):
        for inner in (staging / "bundle", staging / SET_ASIDE):
            if not (inner / MANIFEST).exists():
                # A new bundle whose manifest was never written holds nothing but our own files.
                shutil.rmtree(inner, ignore_errors=True)
                continue
            with suppress(InputError):
                _remove_files(inner, _list_removable(inner), folder)
        with suppress(OSError):
            staging.rmdir()


def _resolve(folder: Path) -> Path:
    """The real path, through symbolic links; a loop of links has one too."""
    return Path(os.path.realpath(folder))


def _list_removable(folder: Path) -> tuple[str, ...]:
    """The names of the files that a new bundle at this place may remove; :class:`InputError` where others are there."""
    if not os.path.lexists(folder):
        return ()
    try:
        names = sorted(os.listdir(folder))
    except NotADirectoryError:
        raise InputError(f"{folder}: exists and is not a bundle; {_ELSEWHERE}") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); {_ELSEWHERE}") from None
    if not names:
        return ()
    if not _is_file(folder / MANIFEST):
        raise InputError(f"{folder}: exists and is not a bundle: it holds {_name(names)}; {_ELSEWHERE}")
    try:
        deployment = read_manifest(folder)
    except CompofaError as error:
        raise InputError(
            f"{folder}: exists and is not a bundle that may be replaced ({error}); {_ELSEWHERE}"
        ) from None
    entries = {entry.file: entry for entry in deployment.files}
    others = [name for name in names if name != MANIFEST and name not in entries]
    if others:
        raise InputError(
            f"{folder}: holds {_name(others)}, which its manifest does not list and a new bundle would remove; move it "
            f"away or {_ELSEWHERE}"
        )
    changed = [name for name in names if name in entries and not _is_unchanged(folder, entries[name])]
    if changed:
        raise InputError(
            f"{folder}: {_name(changed)} was changed since the bundle was made, and a new bundle would remove it; move "
            f"it away or {_ELSEWHERE}"
        )
    return (MANIFEST, *entries)


def _is_file(path: Path) -> bool:
    """Whether this is a regular file and no link to one."""
    return path.is_file() and not path.is_symlink()


def _is_unchanged(folder: Path, entry: FileEntry) -> bool:
    path = folder / entry.file
    if not _is_file(path) or path.stat().st_size != entry.size_bytes:
        return False
    try:
        read_checked(folder, entry)
    except VerificationError:
        return False
    return True


def _name(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(map(repr, names[:_NAMES_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _discard(staging: Path, new: Path, folder: Path) -> None:
    """Remove a new bundle that was not finished; an older one that was set aside goes back, or stays there."""
    restore_folder(folder, MANIFEST)
    shutil.rmtree(new, ignore_errors=True)
    with suppress(OSError):
        staging.rmdir()


def _remove_files(old: Path, listed: Sequence[str], folder: Path) -> None:
    """Remove an older bundle that was moved away. What came into it after the check stays, and is named."""
    for name in listed:
        with suppress(OSError):
            (old / name).unlink()
    try:
        old.rmdir()
    except OSError:
        raise InputError(
            f"{folder}: the new bundle is written, but the older one cannot be removed whole; the rest is in {old}: "
            "move it away"
        ) from None
