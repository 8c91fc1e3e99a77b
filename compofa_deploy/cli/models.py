"""``compofa models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.models_import import calibrate_model, import_model
from compofa_deploy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from compofa_deploy.accuracy.table import AccuracyTable

SHOWN_CLASSES = 20


@click.group("models")
def command() -> None:
    """Supernets: list them, show one, import one, calibrate one.

    \b
    Example:
      compofa models list
    """


command.add_command(import_model)
command.add_command(calibrate_model)


@command.command("list")
@options.json_option
def list_models(as_json: bool) -> None:
    """The supernets that ship, the architectures there are, and the checkpoints that others have published.

    \b
    Example:
      compofa models list
    """
    from compofa_deploy.space.named_architectures import ARCHITECTURES
    from compofa_deploy.supernet.published import PUBLISHED
    from compofa_deploy.supernet.stored import built_in_folder

    supernets = {path.stem: path.stat().st_size for path in sorted(built_in_folder().glob("*.safetensors"))}
    found = [
        {**architecture.to_dict(), "supernet_bytes": supernets.get(name)}
        for name, architecture in ARCHITECTURES.items()
    ]
    if as_json:
        entries = [
            {"file": p.file, "architecture": p.architecture, "note": p.note, "page": p.page, "url": p.url,
             "sha256": p.sha256 or None, "steps": p.steps()}
            for p in PUBLISHED.values()
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
    click.echo("\nPublished checkpoints, to be fetched and imported by hand (nothing is downloaded here):")
    for published in PUBLISHED.values():
        click.echo(f"\n{published.architecture}, {published.note}, {published.page}")
        for step in published.steps():
            click.echo(f"  {step}")


@command.command("show")
@click.argument("name", default="mbv3-w0.75-cifar10")
@options.json_option
def show(name: str, as_json: bool) -> None:
    """A supernet: its shape, how it was made, how accurate its subnets are.

    \b
    Example:
      compofa models show mbv3-w0.75-cifar10
    """
    from compofa_deploy.cli.inputs import find_accuracies
    from compofa_deploy.supernet.stored import load_supernet

    supernet = load_supernet(name)
    accuracies = find_accuracies(None, name)
    by_resolution = [] if accuracies is None else _summarise(accuracies)
    if as_json:
        print_json({
            "architecture": supernet.architecture.to_dict(),
            "classes": list(supernet.class_names),
            "digest": supernet.digest,
            "origin": dict(supernet.origin),
            "accuracy": by_resolution,
        })  # fmt: skip
        return
    names = supernet.class_names
    listed = names if len(names) <= SHOWN_CLASSES else (*names[:SHOWN_CLASSES], f"... {len(names)} in all")
    click.echo(f"{supernet.architecture.name}: {', '.join(listed)}")
    for key, value in supernet.origin.items():
        click.echo(f"  {key}: {value}")
    if accuracies is None:
        click.echo("  no accuracy table; make one with compofa evaluate")
        return
    shown = ("best_test", "largest_test", "smallest_test", "mean_test")
    rows = [
        (str(a["resolution"]), str(a["best"]), *(f"{a[word]:.2f}" for word in shown)) for a in by_resolution
    ]  # fmt: skip
    columns = (">px", "best by validation", ">its test %", ">44444 test %", ">22222 test %", ">mean test %")
    print_table("", columns, rows)


def _summarise(accuracies: AccuracyTable) -> list[dict[str, Any]]:
    """By resolution: the best subnet by validation, and what the test images say of it and of all."""
    from compofa_deploy.space.layers import COMPOUND_DEPTHS
    from compofa_deploy.space.subnet import Subnet

    found = []
    for i, resolution in enumerate(accuracies.resolutions):
        validation, test = (accuracies.accuracy(split)[i] for split in ("validation", "test"))
        best = int(validation.argmax())
        found.append({
            "resolution": resolution,
            "best": Subnet.compound(COMPOUND_DEPTHS[best], resolution).id,
            "best_test": float(test[best]),
            "largest_test": float(test[-1]),
            "smallest_test": float(test[0]),
            "mean_test": float(test.mean()),
        })  # fmt: skip
    return found
