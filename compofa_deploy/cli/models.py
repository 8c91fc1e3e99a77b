"""``compofa models``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table, warn

if TYPE_CHECKING:
    from compofa_deploy.evaluation.table import AccuracyTable

SHOWN_CLASSES = 20


@click.group("models")
def command() -> None:
    """Supernets: list them, show one, import one.

    \b
    Example:
      compofa models list
    """


@command.command("list")
@options.json_option
def list_models(as_json: bool) -> None:
    """The supernets that ship, the architectures there are, and the checkpoints that others have published.

    \b
    Example:
      compofa models list
    """
    from compofa_deploy.architecture import ARCHITECTURES
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


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--class-names", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Text file with one class a line  [default: numbers].",
)  # fmt: skip
@options.resolutions_option
@click.option(
    "--stem-stride", type=click.IntRange(1, 2), default=2, show_default=True,
    help="Stride of the first convolution, of which the tensors say nothing.",
)  # fmt: skip
@options.output_option
@options.json_option
def import_model(**given: Any) -> None:
    """A supernet from a checkpoint of OFA's or CompOFA's: a .pth with their names of layers.

    The architecture is found from the shapes of the tensors. Nothing in the file is executed. compofa models list
    shows what is published and how to get it.

    \b
    Example:
      compofa models import ofa_mbv3_d234_e346_k357_w1.0 -o mbv3.safetensors
    """
    from compofa_deploy.space import count_params, largest_subnet, list_layers
    from compofa_deploy.supernet.imported import import_checkpoint
    from compofa_deploy.supernet.stored import save_supernet
    from latency_tables.errors import InputError

    output: Path = given["output"]
    if output.suffix != ".safetensors":
        raise InputError(f"{output}: a supernet's file ends in .safetensors; name it so")
    supernet = import_checkpoint(
        given["file"], _read_lines(given["class_names"]), given["resolutions"] or (), given["stem_stride"]
    )
    save_supernet(supernet, output)
    architecture = supernet.architecture
    largest = list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1]))
    warn(
        "the batch-norm statistics are the checkpoint's, and fit no subnet in particular: accuracy is lost until they "
        "are calibrated for it"
    )
    if given["as_json"]:
        print_json({
            "supernet": str(output), "architecture": architecture.to_dict(), "digest": supernet.digest,
            "size_bytes": output.stat().st_size, "params": count_params(largest), "origin": dict(supernet.origin),
        })  # fmt: skip
    else:
        sides = architecture.resolutions
        click.echo(
            f"{output}: {architecture.name}, {architecture.classes} classes, {sides[0]} to {sides[-1]} px, "
            f"{count_params(largest) / 1e6:.2f} M parameters in its largest subnet"
        )


def _read_lines(path: Path | None) -> list[str]:
    from latency_tables.errors import InputError

    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from None


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
    from compofa_deploy.space import COMPOUND_DEPTHS
    from compofa_deploy.subnet import Subnet

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
