"""Bundles that were changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from compofa_deploy.bundle.bundle import CONTENT_ID, MANIFEST
from latency_tables.machine import hash_json
from tests.profilers.models import set_external


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest and make its hash fit, as someone would who means to."""
    content = json.loads((folder / MANIFEST).read_text())
    content.pop(CONTENT_ID)
    change(content)
    (folder / MANIFEST).write_text(json.dumps({**content, CONTENT_ID: hash_json(content)}))


def replace_content(folder: Path, entry: str, data: bytes) -> None:
    """Put other content in a file of a bundle, with a hash that fits."""

    def describe(content: dict[str, Any]) -> None:
        (folder / content[entry]["file"]).write_bytes(data)
        content[entry].update(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))

    change_manifest(folder, describe)


def move_weights_out(folder: Path, secret: Path) -> None:
    """Move a bundle's first weights into a file that its model names and its manifest does not, with a hash of the
    model that fits."""
    model = onnx.load(folder / "model.onnx")
    tensor = model.graph.initializer[0]
    secret.write_bytes(onnx.numpy_helper.to_array(tensor).tobytes())
    set_external(tensor, secret.name)
    replace_content(folder, "model", model.SerializeToString())


def flip_byte(path: Path, position: int) -> None:
    """Change one bit of a file; a position below 0 counts from its end."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))
