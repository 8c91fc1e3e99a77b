"""``compofa models``."""

from __future__ import annotations

from dataclasses import asdict

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.models_calibrate import calibrate_command
from compofa_deploy.cli.models_import import import_command
from compofa_deploy.cli.output import echo, print_json, print_table

SHOWN_CLASSES = 20


@click.group("models")
def command() -> None:
    """Supernets: list them, show one, import one, calibrate one.

    \b
    Example:
      compofa models list
    """


command.add_command(import_command)
command.add_command(calibrate_command)


@command.command("list")
@options.json_option
def list_models(as_json: bool) -> None:
    """List the supernets that ship, the architectures, and the checkpoints that others have published.

    \b
    Example:
      compofa models list
    """
    from compofa_deploy import api

    supernets = api.list_supernets()
    found = [
        {**architecture.to_dict(), "supernet_bytes": supernets.get(name)}
        for name, architecture in api.ARCHITECTURES.items()
    ]
    if as_json:
        entries = [
            {"file": p.file, "architecture": p.architecture, "note": p.note, "page": p.page, "url": p.url,
             "sha256": p.sha256 or None, "steps": p.steps()}
            for p in api.PUBLISHED.values()
        ]  # fmt: skip
        print_json({"architectures": found, "published": entries})
        return
    rows = [
        (
            f["name"],
            f"{f['width']:g}",
            str(f["classes"]),
            f"{f['resolutions'][0]} to {f['resolutions'][-1]}",
            f"ships, {f['supernet_bytes'] / 1e6:.1f} MB" if f["supernet_bytes"] else "no weights",
        )
        for f in found
    ]
    print_table("", ("architecture", ">width", ">classes", "px", "supernet"), rows)
    echo("\nPublished checkpoints, to be fetched and imported by hand (nothing is downloaded here):")
    for published in api.PUBLISHED.values():
        echo(f"\n{published.architecture}, {published.note}, {published.page}")
        for step in published.steps():
            echo(f"  {step}")


@command.command("show")
@click.argument("name", default="mbv3-w0.75-cifar10")
@options.json_option
def show(name: str, as_json: bool) -> None:
    """Show a supernet: its shape, how it was made, and how accurate its subnets are.

    \b
    Example:
      compofa models show mbv3-w0.75-cifar10
    """
    from compofa_deploy import api

    supernet = api.load_supernet(name)
    accuracies = api.find_accuracies(name)
    summaries = [] if accuracies is None else api.summarise_resolutions(accuracies)
    if as_json:
        print_json({
            "architecture": supernet.architecture.to_dict(),
            "classes": list(supernet.class_names),
            "digest": supernet.digest,
            "origin": dict(supernet.origin),
            "accuracy": [asdict(summary) for summary in summaries],
        })  # fmt: skip
        return
    names = supernet.class_names
    listed = names if len(names) <= SHOWN_CLASSES else (*names[:SHOWN_CLASSES], f"... {len(names)} in all")
    echo(f"{supernet.architecture.name}: {', '.join(listed)}")
    for key, value in supernet.origin.items():
        echo(f"  {key}: {value}")
    if accuracies is None:
        echo("  no accuracy table; make one with compofa evaluate")
        return
    rows = [
        (
            str(s.resolution),
            s.best,
            f"{s.best_test:.2f}",
            f"{s.largest_test:.2f}",
            f"{s.smallest_test:.2f}",
            f"{s.mean_test:.2f}",
        )
        for s in summaries
    ]
    columns = (">px", "best by validation", ">its test %", ">44444 test %", ">22222 test %", ">mean test %")
    print_table("", columns, rows)
