"""Kits: the models that a device is asked to measure, in a folder with a manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from latency_tables.errors import FormatError, InputError
from latency_tables.files import replace_file
from latency_tables.item import Item
from latency_tables.measured_kit import hash_kit
from latency_tables.record import RecordFile
from profilers.runtimes.external_data import check_external_data

MANIFEST = "manifest.json"
MODELS = "models"
WEIGHTS_SUFFIX = ".weights"

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
    """Describe a model as an item of a kit, with its file names and hashes.

    Args:
        id: The item's id, which is part of its file names.
        kind: ``layer``, ``network`` or ``reference``.
        model: The model's bytes.
        layers: The keys of the layers that it runs, in order.
        label: The subnet's id for a network; the item's id where it is empty.
        input_shape: The input's shape, where the model leaves a size of it free.
        suffix: The suffix of the model's file.
        weights: The weights, for a format that keeps them in a file of their own.
        layer_names: The names of the layers within the model, where they are to be profiled.

    Raises:
        FormatError: The id cannot be a file name, or the layers do not fit the kind.
    """
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
    """A kit in a folder.

    Attributes:
        folder: The folder.
        kit_id: The hash of the architecture and of every item, and so of every model.
        architecture: The architecture of its networks.
        items: Its models, one of which is the reference.
    """

    folder: Path
    kit_id: str
    architecture: dict[str, Any]
    items: tuple[Item, ...]

    @classmethod
    def load(cls, folder: Path) -> Kit:
        """Read a kit, and check the hash of every model and that an ONNX model reads no other file.

        Raises:
            InputError: A file is missing.
            FormatError: A file is not the one in the manifest, lies outside of the folder, or would read a file that is
                not in the manifest.
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
        """The network that is timed before and after each session."""
        return next(item for item in self.items if item.kind == "reference")

    @property
    def measured(self) -> tuple[Item, ...]:
        """All items but the reference."""
        return tuple(item for item in self.items if item.kind != "reference")

    def path(self, item: Item) -> Path:
        """The path of an item's model."""
        return self.folder / item.file

    def weights_path(self, item: Item) -> Path | None:
        """The path of an item's weights; ``None`` where the model holds them."""
        return self.folder / item.weights_file if item.weights_file else None

    def read(self, item: Item) -> bytes:
        """An item's model; :class:`FormatError` where it is not the one in the manifest."""
        return self._read_checked(item.file, item.sha256)

    def read_weights(self, item: Item) -> bytes:
        """An item's weights, empty where the model holds them; :class:`FormatError` as :meth:`read`."""
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
    """Write a kit. The manifest is written last, so that a part of a kit is no kit.

    Args:
        folder: A new or empty folder.
        architecture: The architecture of its networks.
        models: The items with their models.
        weights: The weights by item id, for models that keep them in a file of their own.

    Raises:
        InputError: The folder cannot be written.
        FormatError: Two items have one id or file, or there is not exactly one reference.
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
        check_name(name, where)


def _list_files(items: Iterable[Item]) -> list[str]:
    return [name for item in items for name in (item.file, *filter(None, [item.weights_file]))]


def _check_self_contained(model: bytes, path: Path) -> None:
    try:
        check_external_data(model)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except ValueError:
        # The model is of another format, which the runtime checks when it loads the model.
        return


def check_name(name: str, where: str) -> None:
    """Check the name of a file in a kit.

    Args:
        name: The name, relative to the kit's folder.
        where: The file that names it, for the message.

    Raises:
        FormatError: The name leads out of the folder, or has other characters than a kit's files have.
    """
    parts = PurePosixPath(name).parts
    if not parts or not all(_FILE_NAME.fullmatch(part) and part.strip(".") for part in parts):
        raise FormatError(f"{where}: {name!r} is not the name of a file in a kit; do not use this kit")
