"""``compofa models import``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, warn
from compofa_deploy.cli.supernet_file import check_supernet_file


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--class-names", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="A text file with one class in each line  [default: numbers].",
)  # fmt: skip
@options.resolutions_option
@click.option(
    "--stem-stride", type=click.IntRange(1, 2), default=2, show_default=True,
    help="The stride of the first convolution. The tensors do not tell it.",
)  # fmt: skip
@click.option(
    "--weights", metavar="ENTRY",
    help="The entry of the file that holds the weights, as in state_dict_ema  [default: the first usual one].",
)  # fmt: skip
@click.option(
    "--kernels",
    type=click.Choice(["fixed", "7"]),
    help="The reading of kernels of 7 without matrices. fixed: a supernet of CompOFA, which runs their centres. "
    "7: a single network, which runs them whole  [default: as the names of the layers tell].",
)
@options.output_file_option
@options.json_option
def import_command(
    file: Path,
    class_names: Path | None,
    resolutions: tuple[int, ...] | None,
    stem_stride: int,
    weights: str | None,
    kernels: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Import a supernet from a checkpoint of OFA or CompOFA: a .pth with their names of layers.

    The architecture is found from the shapes of the tensors. Nothing in the file is executed. compofa models list
    shows which checkpoints are published and how to get them.

    \b
    Example:
      compofa models import ofa_mbv3_d234_e346_k357_w1.0 -o mbv3.safetensors
    """
    check_supernet_file(output)
    from compofa_deploy import api

    names = [] if class_names is None else api.read_names(class_names)
    supernet = api.import_checkpoint(
        file, api.ImportOptions(names, resolutions or (), stem_stride, weights or "", kernels or "")
    )
    api.save_supernet(supernet, output)
    architecture = supernet.architecture
    if "notes" in supernet.origin:
        warn(supernet.origin["notes"])
    if not api.is_single_network(architecture):
        warn(
            "the batch-norm statistics are the checkpoint's, and fit no subnet in particular: accuracy is lost until "
            "they are calibrated, by compofa models calibrate"
        )
    params = api.count_largest_params(architecture)
    if as_json:
        print_json({
            "supernet": str(output), "architecture": architecture.to_dict(), "digest": supernet.digest,
            "size_bytes": output.stat().st_size, "params": params, "origin": dict(supernet.origin),
        })  # fmt: skip
        return
    sides = architecture.resolutions
    echo(
        f"{output}: {architecture.name}, {architecture.classes} classes, {sides[0]} to {sides[-1]} px, "
        f"{params / 1e6:.2f} M parameters in its largest subnet"
    )
