"""The option type of a file to write: it is checked before any work begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class OutputFile(click.Path):
    """A path that can be written. A file there is replaced in the end.

    A command refuses a folder that does not exist before it measures, and loses nothing.
    """

    name = "path"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, parameter, context)))
        from latency_tables.files import check_replaceable

        check_replaceable(path)
        return path
