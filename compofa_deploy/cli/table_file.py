"""The option type of a latency table: a file, or the name of one that ships."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class TableFile(click.Path):
    """A path, or the name of a table that ships, as ``compofa tables list`` shows it. A file of that name wins."""

    name = "table"

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, parameter, context)))
        if path.exists():
            return path
        from latency_tables.shipped import find_shipped

        return find_shipped(str(value)) or path
