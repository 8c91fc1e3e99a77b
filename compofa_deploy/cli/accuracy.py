"""``compofa accuracy``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from compofa_deploy.accuracy.predictor import AccuracyPredictor

predictor_argument = click.argument("predictor", type=click.Path(path_type=Path, dir_okay=False))
architecture_option = click.option(
    "--arch", metavar="NAME", help="The architecture that the predictor is for; others are then refused."
)


@click.group("accuracy")
def command() -> None:
    """Accuracy predictors: fit one, import OFA's, show and predict.

    \b
    Example:
      compofa accuracy fit evaluated.csv -o predictor.safetensors
      compofa search --table phone.json --accuracy predictor.safetensors --latency 20ms
    """


@command.command("fit")
@click.argument("accuracies", type=click.Path(path_type=Path, dir_okay=False))
@architecture_option
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The seed by which subnets are left out in cross-validation.",
)
@options.output_file_option
@options.json_option
def fit(accuracies: Path, arch: str | None, seed: int, output: Path, as_json: bool) -> None:
    """Fit a predictor to subnets that were evaluated, and state its error by cross-validation.

    ACCURACIES is a .csv with the columns subnet (an id, or OFA's config as JSON) and top1 in per cent, and optionally
    top5 and images; or a table that compofa evaluate wrote. The predictor is linear: it adds up the contributions of
    each kernel size and expand ratio of each block, and of the resolution. A few hundred subnets are enough for it.

    \b
    Example:
      compofa accuracy fit evaluated.csv --arch mbv3-w1.2-imagenet -o predictor.safetensors
    """
    from compofa_deploy import api

    made = api.fit_predictor(accuracies, arch, seed)
    made.save(output)
    _print(output, made, as_json)


@command.command("import")
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@architecture_option
@options.output_file_option
@options.json_option
def import_weights(weights: Path, arch: str | None, output: Path, as_json: bool) -> None:
    """Read the weights of OFA's accuracy predictor, a .pth, so that a search with them needs no torch.

    This command needs torch: pip install 'compofa-deploy[train]'.

    \b
    Example:
      compofa accuracy import acc_predictor.pth --arch mbv3-w1.2-imagenet -o predictor.safetensors
    """
    from compofa_deploy import api

    made = api.import_predictor(weights, arch)
    made.save(output)
    _print(output, made, as_json)


@command.command("show")
@predictor_argument
@options.json_option
def show(predictor: Path, as_json: bool) -> None:
    """Show what a predictor is for, and its error.

    \b
    Example:
      compofa accuracy show predictor.safetensors
    """
    from compofa_deploy import api

    _print(predictor, api.load_predictor(predictor), as_json)


@command.command("predict")
@predictor_argument
@click.argument("subnets", nargs=-1, required=True)
@options.json_option
def predict(predictor: Path, subnets: tuple[str, ...], as_json: bool) -> None:
    """Predict the top-1 accuracy of subnets.

    \b
    Example:
      compofa accuracy predict predictor.safetensors 23344@192
    """
    from compofa_deploy import api

    loaded = api.load_predictor(predictor)
    parsed = [api.Subnet.parse(text) for text in subnets]
    percents = loaded.predict_subnets(parsed)
    if as_json:
        found = [{"subnet": s.id, "top1": float(p)} for s, p in zip(parsed, percents, strict=True)]
        print_json({"predictions": found, "error": summarise(predictor, loaded)["error"]})
        return
    rows = [(subnet.id, f"{percent:.2f}") for subnet, percent in zip(parsed, percents, strict=True)]
    print_table("", ("subnet", ">predicted %"), rows)


def summarise(path: Path, predictor: AccuracyPredictor) -> dict[str, Any]:
    """Summarises a predictor and its error in a JSON-ready form.

    Args:
        path: The predictor's file.
        predictor: The predictor.
    """
    from dataclasses import asdict

    places = predictor.encoding
    return {
        "file": str(path),
        "origin": predictor.origin,
        "architecture": predictor.architecture,
        "resolutions": [places.first + places.step * i for i in range(places.count)],
        "error": None if predictor.error is None else asdict(predictor.error),
    }


def _print(path: Path, predictor: AccuracyPredictor, as_json: bool) -> None:
    summary, error = summarise(path, predictor), predictor.error
    if as_json:
        print_json(summary)
        return
    rows = [
        ("predictor", str(path)),
        ("made from", predictor.origin),
        ("architecture", predictor.architecture or "unknown"),
        ("resolutions", f"{', '.join(map(str, summary['resolutions']))} px"),
    ]
    if error is None:
        rows.append(("error", "unknown: the file does not state it"))
    else:
        rows += [
            ("error", f"{error.mae:.2f} points of top-1 on average on subnets left out, at most {error.worst:.2f}"),
            ("rank correlation", f"{error.rank_correlation:.3f}"),
            ("left out", f"{error.n} subnets, in {error.folds} folds"),
        ]  # fmt: skip
    print_table("", ("", ""), rows)
