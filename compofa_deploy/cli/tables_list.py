"""``compofa tables list``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable


@click.command("list")
@options.json_option
def list_command(as_json: bool) -> None:
    """The tables of this machine that are kept in the cache, and those that ship.

    One that ships is named as it is listed, in place of a file.

    \b
    Example:
      compofa tables list
    """
    from compofa_deploy.cli.table_summary import summarise_table
    from compofa_deploy.tables.cache import Cache
    from latency_tables.shipped import list_shipped
    from profilers.machine.environment import read_machine

    folder = Cache.default().folder / "tables"
    kept, broken = _load(sorted(folder.glob("*.json")) if folder.is_dir() else [])
    shipped, broken_too = _load(list_shipped())
    here = read_machine()
    if as_json:
        print_json({
            "tables": [summarise_table(*entry) for entry in kept],
            "shipped": [
                {"name": path.stem, "of_this_machine": table.spec.machine == here, **summarise_table(path, table)}
                for path, table in shipped
            ],
            "broken": [*broken, *broken_too],
        })  # fmt: skip
        return
    for path, table in kept:
        _print(str(path), table)
    if not kept:
        click.echo(f"none in {folder}; make one with compofa profile")
    for path, table in shipped:
        machine = table.spec.machine
        whose = (
            "this machine"
            if machine == here
            else "a machine of this name"
            if machine.may_be(here)
            else "another machine"
        )
        _print(f"{path.stem}  (ships; of {whose})", table)
    for text in (*broken, *broken_too):
        click.echo(text, err=True)


def _load(paths: Sequence[Path]) -> tuple[list[tuple[Path, LatencyTable]], list[str]]:
    """The tables that can be read, and what is wrong with the others."""
    from latency_tables.errors import CompofaError
    from latency_tables.table import LatencyTable

    found: list[tuple[Path, LatencyTable]] = []
    broken: list[str] = []
    for path in paths:
        try:
            found.append((path, LatencyTable.load(path)))
        except CompofaError as error:
            broken.append(str(error))
    return found, broken


def _print(title: str, table: LatencyTable) -> None:
    sides = ", ".join(map(str, table.resolutions))
    click.echo(title)
    click.echo(f"    {table.architecture['name']} at {sides} px, {table.spec.describe()}")
    click.echo(f"    {table.describe_error()}; made {table.created[:16]}")
