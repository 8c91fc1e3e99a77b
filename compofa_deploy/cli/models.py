"""``compofa models``."""

from __future__ import annotations

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table


@click.group("models")
def command() -> None:
    """Supernets: list them, show one.

    \b
    Example:
      compofa models list
    """


@command.command("list")
@options.json_option
def list_models(as_json: bool) -> None:
    """The supernets that ship, and the architectures there are.

    \b
    Example:
      compofa models list
    """
    from compofa_deploy.architecture import ARCHITECTURES
    from compofa_deploy.supernet.stored import built_in_folder

    supernets = {path.stem: path.stat().st_size for path in sorted(built_in_folder().glob("*.safetensors"))}
    found = [
        {**architecture.to_dict(), "supernet_bytes": supernets.get(name)}
        for name, architecture in ARCHITECTURES.items()
    ]
    if as_json:
        print_json({"architectures": found})
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


@command.command("show")
@click.argument("name", default="mbv3-w0.75-cifar10")
@options.json_option
def show(name: str, as_json: bool) -> None:
    """A supernet: its shape, how it was made, how accurate its subnets are.

    \b
    Example:
      compofa models show mbv3-w0.75-cifar10
    """
    from compofa_deploy.cli.inputs import load_accuracies
    from compofa_deploy.space import COMPOUND_DEPTHS
    from compofa_deploy.subnet import Subnet
    from compofa_deploy.supernet.stored import load_supernet

    supernet = load_supernet(name)
    accuracies = load_accuracies(None, name)
    by_resolution = []
    for i, resolution in enumerate(accuracies.resolutions):
        validation, test = (accuracies.accuracy(split)[i] for split in ("validation", "test"))
        best = int(validation.argmax())
        by_resolution.append(
            {
                "resolution": resolution,
                "best": Subnet.compound(COMPOUND_DEPTHS[best], resolution).id,
                "best_test": float(test[best]),
                "largest_test": float(test[-1]),
                "smallest_test": float(test[0]),
                "mean_test": float(test.mean()),
            }
        )
    if as_json:
        print_json({
            "architecture": supernet.architecture.to_dict(),
            "classes": list(supernet.class_names),
            "digest": supernet.digest,
            "origin": dict(supernet.origin),
            "accuracy": by_resolution,
        })  # fmt: skip
        return
    click.echo(f"{supernet.architecture.name}: {', '.join(supernet.class_names)}")
    for key, value in supernet.origin.items():
        click.echo(f"  {key}: {value}")
    shown = ("best_test", "largest_test", "smallest_test", "mean_test")
    rows = [
        (str(a["resolution"]), str(a["best"]), *(f"{a[word]:.2f}" for word in shown)) for a in by_resolution
    ]  # fmt: skip
    columns = (">px", "best by validation", ">its test %", ">44444 test %", ">22222 test %", ">mean test %")
    print_table("", columns, rows)
