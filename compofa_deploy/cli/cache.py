"""``compofa cache``."""

from __future__ import annotations

from dataclasses import asdict

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, print_table

MEGABYTE = 1e6


@click.group("cache")
def command() -> None:
    """The cache folder: what it holds, and clearing it.

    The folder is named by COMPOFA_CACHE, or else the platform's place for caches. Nothing but time is lost when it is
    cleared: tables are measured again, and interrupted runs begin anew.

    \b
    Example:
      compofa cache show
      compofa cache clear kits journals
    """


@command.command("show")
@options.json_option
def show(as_json: bool) -> None:
    """Show where the cache is, and what it holds.

    \b
    Example:
      compofa cache show
    """
    from compofa_deploy.tables.cache import Cache
    from compofa_deploy.tables.cache_contents import describe_cache

    cache = Cache.default()
    folders = describe_cache(cache)
    if as_json:
        print_json({"folder": str(cache.folder), "folders": [asdict(entry) for entry in folders]})
        return
    echo(str(cache.folder))
    rows = [
        (
            entry.kind,
            str(entry.files),
            f"{entry.size_bytes / MEGABYTE:.1f} MB",
            f"{entry.what}; {entry.abandoned} left by killed runs" if entry.abandoned else entry.what,
        )
        for entry in folders
    ]
    if rows:
        print_table("", ("folder", ">files", ">size", "holds"), rows)
    else:
        echo("empty")


@command.command("clear")
@click.argument("kinds", nargs=-1)
@options.json_option
def clear(kinds: tuple[str, ...], as_json: bool) -> None:
    """Remove what the cache holds, or only the folders that are named, as `compofa cache show` lists them.

    \b
    Example:
      compofa cache clear
      compofa cache clear kits journals
    """
    from compofa_deploy.tables.cache import Cache
    from compofa_deploy.tables.cache_contents import clear_cache

    cache = Cache.default()
    removed = clear_cache(cache, kinds)
    if as_json:
        print_json({"folder": str(cache.folder), "removed": [asdict(entry) for entry in removed]})
        return
    for entry in removed:
        echo(f"removed {entry.kind}: {entry.files} files, {entry.size_bytes / MEGABYTE:.1f} MB")
    if not removed:
        echo("there was nothing to remove")
