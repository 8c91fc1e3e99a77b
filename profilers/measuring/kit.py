"""Kits: what a device is asked to measure, as a folder of models and a manifest, or a zip of it."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from latency_tables.errors import FormatError, InputError
from latency_tables.files import replace_file
from latency_tables.json_text import LARGEST_TEXT
from latency_tables.measured_kit import hash_kit
from latency_tables.measurement import Item
from latency_tables.record import RecordFile
from profilers.runtimes.external_data import check_external_data

MANIFEST = "manifest.json"
MODELS = "models"
WEIGHTS_SUFFIX = ".weights"
MAX_UNPACKED_BYTES = 4 << 30
"""A zip that says it holds more is refused before anything is written."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_@.+=-]+")


def make_item(
    id: str,
    kind: str,
    model: bytes,
    *,
    layers: tuple[str, ...] = (),
    label: str = "",
    input_shape: tuple[int, ...] = (),
    suffix: str = ".onnx",
    weights: bytes = b"",
    layer_names: tuple[str, ...] = (),
) -> Item:
    """An item for a model's bytes, with its file names and hashes filled in. ``id`` must do as a file name."""
    item = Item(
        id,
        kind,
        f"{MODELS}/{id}{suffix}",
        hashlib.sha256(model).hexdigest(),
        input_shape,
        layers,
        label or id,
        len(model) + len(weights),
        f"{MODELS}/{id}{WEIGHTS_SUFFIX}" if weights else "",
        hashlib.sha256(weights).hexdigest() if weights else "",
        layer_names,
    )
    _check_item(item, f"item {id!r}")
    return item


@dataclass(frozen=True)
class _Manifest(RecordFile):
    """The file that lists a kit's items."""

    FORMAT = "compofa-kit"
    VERSION = 1
    INDENT = 1

    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where an item is not one of a kit, or the id is not of these items."""
        _check_items(self.items, where)
        if self.kit_id != hash_kit(self.architecture, self.items):
            raise FormatError(
                f"{where}, kit_id: does not fit the content; the kit was changed by hand: build it anew"
            )


@dataclass(frozen=True)
class Kit:
    """A kit in a folder. ``kit_id`` is a hash of the architecture and of every item, and so of every model."""

    folder: Path
    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]

    @classmethod
    def load(cls, folder: Path) -> Kit:
        """Read a kit and check the hash of every model, and that an ONNX model reads no other file.

        :class:`InputError` where a file is missing, :class:`FormatError` where one is not what the manifest says,
        lies outside of the folder, or would read a file that the manifest does not list.
        """
        folder = Path(folder)
        manifest = folder / MANIFEST
        kit = cls(folder, **vars(_Manifest.load(manifest)))
        for item in kit.items:
            _check_self_contained(kit.read(item), folder / item.file)
            kit.read_weights(item)
        return kit

    @property
    def reference(self) -> Item:
        """The network that is timed around every item."""
        return next(item for item in self.items if item.kind == "reference")

    @property
    def measured(self) -> tuple[Item, ...]:
        """The items to measure: all but the reference."""
        return tuple(item for item in self.items if item.kind != "reference")

    def path(self, item: Item) -> Path:
        """Where an item's model is."""
        return self.folder / item.file

    def weights_path(self, item: Item) -> Path | None:
        """Where an item's weights are, if they have a file of their own."""
        return self.folder / item.weights_file if item.weights_file else None

    def read(self, item: Item) -> bytes:
        """An item's model; :class:`FormatError` where it is not the one that the manifest names."""
        return self._read_checked(item.file, item.sha256)

    def read_weights(self, item: Item) -> bytes:
        """The same for its weights; empty where they have no file of their own."""
        return self._read_checked(item.weights_file, item.weights_sha256) if item.weights_file else b""

    def _read_checked(self, name: str, sha256: str) -> bytes:
        path = self.folder / name
        try:
            if self.folder.resolve() not in path.resolve().parents:
                raise FormatError(f"{path}: is a link out of the kit; build the kit anew")
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); build the kit anew") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise FormatError(f"{path}: is not the model that the kit was built with; build the kit anew")
        return data


def write_kit(
    folder: Path,
    architecture: Mapping[str, Any],
    models: Iterable[tuple[Item, bytes]],
    weights: Mapping[str, bytes] = MappingProxyType({}),
) -> Kit:
    """Write a kit into a new or empty folder; the manifest comes last, so that a part of a kit is no kit.

    ``weights`` are those that are kept apart from their models, by the items' ids.
    """
    folder, models = Path(folder), list(models)
    items = tuple(item for item, _ in models)
    _check_items(items, "the kit")
    try:
        (folder / MODELS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    files = [(item.file, model) for item, model in models]
    files += [(item.weights_file, weights[item.id]) for item in items if item.weights_file]
    for name, data in files:
        with replace_file(folder / name) as file:
            file.write(data)
    kit = Kit(folder, hash_kit(architecture, items), dict(architecture), items)
    _Manifest(kit.kit_id, kit.architecture, items).save(folder / MANIFEST)
    return kit


def pack_kit(kit: Kit, path: Path) -> None:
    """Write a kit as a zip; the same kit gives the same bytes."""
    with replace_file(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        files = [(MANIFEST, (kit.folder / MANIFEST).read_bytes)]
        for item in kit.items:
            files.append((item.file, partial(kit.read, item)))
            if item.weights_file:
                files.append((item.weights_file, partial(kit.read_weights, item)))
        for name, read in files:
            # A fixed date: the files' own would make the zip differ each time.
            archive.writestr(zipfile.ZipInfo(name), read(), zipfile.ZIP_DEFLATED)


def unpack_kit(path: Path, folder: Path) -> Kit:
    """Unpack a zipped kit into a new or empty folder and load it; nothing is written outside of it.

    :class:`FormatError` where the zip is cut off, too large, or holds a name that leads out of the folder.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there and not empty; choose a new folder for the kit")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                _check_name(entry.filename, str(path))
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


def _check_items(items: tuple[Item, ...], where: str) -> None:
    for i, item in enumerate(items):
        _check_item(item, f"{where}, items[{i}]")
    for word, values in (("ids", [item.id for item in items]), ("files", _list_files(items))):
        if len(set(values)) < len(values):
            raise FormatError(f"{where}: two items have the same {word[:-1]}; {word} must differ")
    references = sum(item.kind == "reference" for item in items)
    if references != 1:
        raise FormatError(f"{where}: must hold exactly one reference; it holds {references}")


def _check_item(item: Item, where: str) -> None:
    if not _FILE_NAME.fullmatch(item.id) or item.id.startswith("."):
        raise FormatError(f"{where}: {item.id!r} cannot be an id; use letters, digits and _ @ . + = -")
    if item.kind == "layer" and len(item.layers) != 1:
        raise FormatError(f"{where}: item {item.id} must name the one layer that it is")
    for name in _list_files([item]):
        _check_name(name, where)


def _list_files(items: Iterable[Item]) -> list[str]:
    return [name for item in items for name in (item.file, *filter(None, [item.weights_file]))]


def _check_self_contained(model: bytes, path: Path) -> None:
    try:
        check_external_data(model)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except ValueError:
        # Of another format, which a kit does not tell: the runtime checks it when it loads it.
        return


def _check_name(name: str, where: str) -> None:
    parts = PurePosixPath(name).parts
    if not parts or not all(_FILE_NAME.fullmatch(part) and part.strip(".") for part in parts):
        raise FormatError(f"{where}: {name!r} is not the name of a file in a kit; do not use this kit")
