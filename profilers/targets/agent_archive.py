"""The agent as one file: ``compofa-agent.pyz``, the two packages that a device needs, for its python3 to run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("latency_tables", "profilers")
ENTRY = "profilers/targets/agent_entry.py"
SHEBANG = b"#!/usr/bin/env python3\n"


def pack_agent() -> bytes:
    """The file's content; the same sources give the same bytes."""
    buffer = io.BytesIO(SHEBANG)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a") as archive:
        for package in PACKAGES:
            for path in sorted((PACKAGE_ROOT / package).rglob("*.py")):
                _add(archive, path.relative_to(PACKAGE_ROOT).as_posix(), path)
        _add(archive, "__main__.py", PACKAGE_ROOT / ENTRY)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    # A fixed date: the files' own would make the archive differ each time.
    archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
