"""``compofa tables list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, note, print_json

if TYPE_CHECKING:
    from latency_tables.machine import Machine
    from latency_tables.table import LatencyTable


@click.command("list")
@options.json_option
def list_command(as_json: bool) -> None:
    """List the tables of this machine in the cache, and the tables that ship.

    A table that ships is named as it is listed, in place of a file.

    \b
    Example:
      compofa tables list
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import summarise_table

    listing = api.list_tables()
    here = api.read_machine()
    if as_json:
        print_json({
            "tables": [summarise_table(*entry) for entry in listing.kept],
            "shipped": [
                {"name": path.stem, "of_this_machine": table.spec.machine == here, **summarise_table(path, table)}
                for path, table in listing.shipped
            ],
            "broken": list(listing.broken),
        })  # fmt: skip
        return
    for path, table in listing.kept:
        _print(str(path), table)
    if not listing.kept:
        echo(f"none in {listing.folder}; make one with compofa profile")
    for path, table in listing.shipped:
        _print(f"{path.stem}  (ships; of {_describe_machine(table.spec.machine, here)})", table)
    for text in listing.broken:
        note(text)


def _describe_machine(machine: Machine, here: Machine) -> str:
    if machine == here:
        return "this machine"
    # An older table knows the CPU's name alone, which several generations share.
    return "a machine of this name" if machine.may_be(here) else "another machine"


def _print(title: str, table: LatencyTable) -> None:
    sides = ", ".join(map(str, table.resolutions))
    echo(title)
    echo(f"    {table.architecture['name']} at {sides} px, {table.spec.describe()}")
    echo(f"    {table.describe_error()}; made {table.created[:16]}")
