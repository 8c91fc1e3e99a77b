"""The latency tables that ship. They were measured on the machines that they name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
"""The folder of the files, each named ARCHITECTURE-RUNTIME-PRECISION-THREADS.json."""


def list_shipped() -> list[Path]:
    """The files, sorted by name."""
    return sorted(FOLDER.glob("*.json"))


def find_shipped(name: str) -> Path | None:
    """The file of a table by its name, which is no path; ``None`` where no such table ships."""
    return next((path for path in list_shipped() if path.stem == name), None)
