"""``compofa train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress


@click.command("train")
@click.option("--recipe", required=True, metavar="NAME|FILE", help="A recipe that ships, or a .toml file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change the recipe, as in seed=3 or 'phases.*.epochs*=0.5'; may be given again.")  # fmt: skip
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Folder with train.parquet and test.parquet.",
)
@click.option(
    "--checkpoint-minutes",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="How much work an accident may cost.",
)
@click.option("--threads", type=click.IntRange(1), help="Threads  [default: torch's].")
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Train a supernet by a recipe, calibrate all of its subnets, and write OUTPUT/supernet.safetensors.

    A training that was interrupted goes on from OUTPUT/checkpoint.pt with the same command.

    \b
    Example:
      compofa train --recipe compofa-cifar10 --data cifar10 -o runs/cifar10
    """  # fmt: skip
    from compofa_deploy.supernet.stored import save_supernet
    from compofa_deploy.training.finish import finish
    from compofa_deploy.training.process import set_threads
    from compofa_deploy.training.recipe_file import load_recipe
    from compofa_deploy.training.session import open_trainer

    set_threads(given["threads"])
    recipe = load_recipe(given["recipe"], given["changes"])
    output: Path = given["output"]
    with show_progress() as display:
        display.on_step(f"reading {given['data']}")
        trainer, splits = open_trainer(recipe, given["data"], output)
        if trainer.steps_done:
            display.on_step(f"going on from step {trainer.steps_done} of {trainer.total_steps}")

        def show(progress: Any) -> None:
            display.on_count("training", progress.step, progress.total_steps)
            if progress.step % 500 == 0:
                display.on_step(
                    f"{progress.phase}, epoch {progress.epoch}, step {progress.step} of {progress.total_steps}: loss "
                    f"{progress.loss:.3f}, lr {progress.lr:.4f}, {progress.images_per_second:.0f} images/s"
                )

        trainer.run(given["checkpoint_minutes"], show)
        display.on_step("calibrating batch norm of 243 subnets")
        supernet = finish(
            trainer,
            splits,
            given["data"].resolve().name,
            lambda what, done, total: display.on_count(f"calibrating {what}", done, total),
        )
    path = output / "supernet.safetensors"
    save_supernet(supernet, path)
    if given["as_json"]:
        print_json({"supernet": str(path), "digest": supernet.digest, "origin": dict(supernet.origin)})
    else:
        click.echo(
            f"{path}: {path.stat().st_size / 1e6:.1f} MB; next: compofa evaluate --supernet {path} ..."
        )
