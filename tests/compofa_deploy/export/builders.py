"""Bundles that were changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compofa_deploy.export.bundle import CONTENT_ID, MANIFEST
from latency_tables.machine import hash_json


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


def flip_byte(path: Path, position: int) -> None:
    """Change one bit of a file; a position below 0 counts from its end."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))
