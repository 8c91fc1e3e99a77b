"""``compofa run``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table


@click.command("run")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--top", type=click.IntRange(1), default=3, show_default=True, help="The number of labels for each image."
)
@options.json_option
def command(bundle: Path, images: tuple[Path, ...], top: int, as_json: bool) -> None:
    """Classify images of any size with a bundle.

    IMAGES are files, or folders whose images are all classified.

    \b
    Example:
      compofa run bundle photo.jpg
      compofa run bundle photos
    """
    from compofa_deploy import api

    classified = api.run(bundle, images, top)
    if as_json:
        print_json({
            "images": [
                {"image": c.path, "labels": [{"label": n, "probability": round(p, 6)} for n, p in c.labels]}
                for c in classified
            ]
        })  # fmt: skip
        return
    rows = [(c.path, ", ".join(f"{label} {p:.1%}" for label, p in c.labels)) for c in classified]
    print_table("", ("image", "labels"), rows)
