"""``compofa models import`` and ``calibrate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress, warn
from compofa_deploy.cli.skipped import SkippedImages, print_accounts
from compofa_deploy.cli.units import Resolutions


@click.command("import")
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
    from compofa_deploy.space.layers import count_params, largest_subnet, list_layers
    from compofa_deploy.supernet.imported import NOTES, ImportOptions, import_checkpoint, is_single_network
    from compofa_deploy.supernet.stored import save_supernet

    output = _check_output(given["output"])
    settings = ImportOptions(
        _read_lines(given["class_names"]), given["resolutions"] or (), given["stem_stride"],
        given["weights"] or "", given["kernels"] or "",
    )  # fmt: skip
    supernet = import_checkpoint(given["file"], settings)
    save_supernet(supernet, output)
    architecture = supernet.architecture
    largest = list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1]))
    if NOTES in supernet.origin:
        warn(supernet.origin[NOTES])
    if not is_single_network(architecture):
        warn(
            "the batch-norm statistics are the checkpoint's, and fit no subnet in particular: accuracy is lost until "
            "they are calibrated, by compofa models calibrate"
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


@click.command("calibrate")
@click.argument("supernet")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Folder with train and test (or val): Parquet files, or folders with one folder of images for each class.",
)
@click.option(
    "--resolutions", type=Resolutions(), required=True, metavar="R,R,...", help="Resolutions in pixels."
)
@click.option(
    "--images", type=click.IntRange(2), default=2000, show_default=True,
    help="How many training images; all of them are in memory at once.",
)  # fmt: skip
@click.option(
    "--validation-images", type=click.IntRange(1), default=5000, show_default=True,
    help="How many training images to keep apart, for compofa evaluate.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is kept apart and drawn.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--threads", type=click.IntRange(1), help="Threads  [default: torch's].")
@options.output_option
@options.json_option
def calibrate_model(**given: Any) -> None:
    """Batch-norm statistics of a supernet's 243 compound subnets, on training images: what an imported supernet needs
    before it is evaluated and searched.

    \b
    Example:
      compofa models calibrate mbv3.safetensors --data imagenet --resolutions 160,192 -o calibrated.safetensors
    """
    import numpy as np

    from compofa_deploy.data.decode import decode
    from compofa_deploy.data.splits import open_splits
    from compofa_deploy.evaluation.calibrate_supernet import recalibrate
    from compofa_deploy.supernet.stored import load_supernet, save_supernet
    from compofa_deploy.torch_process.allocator import set_threads
    from compofa_deploy.torch_process.device import find_device

    output = _check_output(given["output"])
    set_threads(given["threads"])
    device, skipped = find_device(given["device"]), SkippedImages()
    supernet = load_supernet(given["supernet"])
    settings = {"validation_images": given["validation_images"], "split_seed": given["seed"]}
    with show_progress() as display:
        display.on_step(f"reading {given['data']}")
        splits = open_splits(given["data"], given["validation_images"], given["seed"], None, skipped)
        print_accounts(splits.accounts)
        drawn = splits.train.sample(given["images"], np.random.default_rng(given["seed"]))
        images = decode(drawn, skipped)
        calibrated = recalibrate(
            supernet,
            images,
            given["resolutions"],
            lambda what, done, total: display.on_count(f"calibrating {what}", done, total),
            device,
        )
    count = len(images)
    origin = {
        **supernet.origin, "data": given["data"].name, "data_settings": settings, "calibration_images": count
    }  # fmt: skip
    calibrated = replace(calibrated, origin=origin)
    save_supernet(calibrated, output)
    if given["as_json"]:
        print_json({
            "supernet": str(output), "digest": calibrated.digest, "resolutions": list(given["resolutions"]),
            "images": count,
        })  # fmt: skip
    else:
        sides = ", ".join(map(str, given["resolutions"]))
        click.echo(f"{output}: {supernet.architecture.name}, calibrated on {count} images at {sides} px")


def _check_output(output: Path) -> Path:
    from latency_tables.errors import InputError

    if output.suffix != ".safetensors":
        raise InputError(f"{output}: a supernet's file ends in .safetensors; name it so")
    return output


def _read_lines(path: Path | None) -> list[str]:
    from latency_tables.errors import InputError

    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from None
