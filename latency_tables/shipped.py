"""The latency tables that ship: of other machines, unless this one happens to be one of them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
"""Each is named ARCHITECTURE-RUNTIME-PRECISION-THREADS.json."""


def list_shipped() -> list[Path]:
    """Their files, by name."""
    return sorted(FOLDER.glob("*.json"))


def find_shipped(name: str) -> Path | None:
    """The file of that name, or None where none ships: only names of tables are looked up, and no paths."""
    return next((path for path in list_shipped() if path.stem == name), None)
