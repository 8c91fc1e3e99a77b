"""``compofa models calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, show_progress
from compofa_deploy.cli.skipped import SkippedImages
from compofa_deploy.cli.supernet_file import check_supernet_file
from compofa_deploy.cli.units import Resolutions


@click.command("calibrate")
@click.argument("supernet")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="A folder with train and test (or val): Parquet files, or folders with one folder of images for each class.",
)
@click.option(
    "--resolutions", type=Resolutions(), required=True, metavar="R,R,...", help="Resolutions in pixels."
)
@click.option(
    "--images", type=click.IntRange(2), default=2000, show_default=True,
    help="The number of training images; all of them are in memory at once.",
)  # fmt: skip
@click.option(
    "--validation-images", type=click.IntRange(1), default=5000, show_default=True,
    help="The number of training images that are held out, for compofa evaluate.",
)  # fmt: skip
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="The seed by which images are held out and drawn.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@options.threads_of_torch_option
@options.output_file_option
@options.json_option
def calibrate_command(
    supernet: str,
    data: Path,
    resolutions: tuple[int, ...],
    images: int,
    validation_images: int,
    seed: int,
    device: str,
    threads: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Compute the batch-norm statistics of a supernet's 243 compound subnets on training images.

    An imported supernet needs them before it is evaluated and searched.

    \b
    Example:
      compofa models calibrate mbv3.safetensors --data imagenet --resolutions 160,192 -o calibrated.safetensors
    """
    check_supernet_file(output)
    from compofa_deploy import api

    wanted = api.CalibrateOptions(
        resolutions=resolutions,
        images=images,
        validation_images=validation_images,
        seed=seed,
        device=device,
        threads=threads,
    )
    with show_progress() as display:
        calibrated = api.calibrate(supernet, data, wanted, display, SkippedImages())
    api.save_supernet(calibrated, output)
    count = calibrated.origin["calibration_images"]
    if as_json:
        print_json({
            "supernet": str(output), "digest": calibrated.digest, "resolutions": list(resolutions), "images": count,
        })  # fmt: skip
        return
    sides = ", ".join(map(str, resolutions))
    echo(f"{output}: {calibrated.architecture.name}, calibrated on {count} images at {sides} px")
