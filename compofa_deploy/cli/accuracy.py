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
    "--arch", metavar="NAME", help="The architecture that it is of; others are then refused."
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
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Which subnets are left out when."
)
@options.output_option
@options.json_option
def fit(accuracies: Path, arch: str | None, seed: int, output: Path, as_json: bool) -> None:
    """Fit a predictor to subnets that were evaluated, and state its error by cross-validation.

    ACCURACIES is a .csv with the columns subnet (an id, or OFA's config as JSON) and top1 in per cent, top5 and images
    where you have them; or a table that compofa evaluate wrote. The predictor adds up what each kernel size and expand
    ratio of each block and each resolution contributes; a few hundred subnets are enough for that.

    \b
    Example:
      compofa accuracy fit evaluated.csv --arch mbv3-w1.2-imagenet -o predictor.safetensors
    """
    import numpy as np

    from compofa_deploy.accuracy.csv_table import read_stated
    from compofa_deploy.accuracy.encoding import Encoding, encode_subnets
    from compofa_deploy.accuracy.fit import cross_validate, fit_additive
    from compofa_deploy.accuracy.predictor import AccuracyPredictor
    from compofa_deploy.space.named_architectures import find_architecture

    stated = read_stated(accuracies)
    encoding = Encoding.of_resolutions(stated.resolutions)
    features = encode_subnets(stated.subnets, encoding)
    error = cross_validate(features, stated.top1, np.random.default_rng(seed))
    made = AccuracyPredictor(
        encoding=encoding,
        model=fit_additive(features, stated.top1),
        scale=1.0,
        architecture=find_architecture(arch).name if arch else stated.architecture,
        error=error,
        origin=f"fitted to {accuracies.name}",
    )
    made.save(output)
    _print(output, made, as_json)


@command.command("import")
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@architecture_option
@options.output_option
@options.json_option
def import_weights(weights: Path, arch: str | None, output: Path, as_json: bool) -> None:
    """Read the weights of OFA's accuracy predictor, a .pth, so that searching with them needs no torch.

    Reading them does: pip install 'compofa-deploy[train]'.

    \b
    Example:
      compofa accuracy import acc_predictor.pth --arch mbv3-w1.2-imagenet -o predictor.safetensors
    """
    from compofa_deploy.accuracy.ofa_weights import read_ofa_predictor
    from compofa_deploy.space.named_architectures import find_architecture

    made = read_ofa_predictor(weights, find_architecture(arch).name if arch else None)
    made.save(output)
    _print(output, made, as_json)


@command.command("show")
@predictor_argument
@options.json_option
def show(predictor: Path, as_json: bool) -> None:
    """What a predictor is of and what it is worth.

    \b
    Example:
      compofa accuracy show predictor.safetensors
    """
    from compofa_deploy.accuracy.source import load_predictor

    _print(predictor, load_predictor(predictor), as_json)


@command.command("predict")
@predictor_argument
@click.argument("subnets", nargs=-1, required=True)
@options.json_option
def predict(predictor: Path, subnets: tuple[str, ...], as_json: bool) -> None:
    """The top-1 of subnets.

    \b
    Example:
      compofa accuracy predict predictor.safetensors 23344@192
    """
    from compofa_deploy.accuracy.source import load_predictor
    from compofa_deploy.space.subnet import Subnet

    loaded = load_predictor(predictor)
    parsed = [Subnet.parse(text) for text in subnets]
    percents = loaded.predict_subnets(parsed)
    if as_json:
        found = [{"subnet": s.id, "top1": float(p)} for s, p in zip(parsed, percents, strict=True)]
        print_json({"predictions": found, "error": summarise(predictor, loaded)["error"]})
        return
    rows = [(subnet.id, f"{percent:.2f}") for subnet, percent in zip(parsed, percents, strict=True)]
    print_table("", ("subnet", ">predicted %"), rows)


def summarise(path: Path, predictor: AccuracyPredictor) -> dict[str, Any]:
    """What a predictor is of and what it is worth, JSON-ready."""
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
        rows.append(("error", "unknown: nobody stated it"))
    else:
        rows += [
            ("error", f"{error.mae:.2f} points of top-1 on average on subnets left out, at most {error.worst:.2f}"),
            ("rank correlation", f"{error.rank_correlation:.3f}"),
            ("left out", f"{error.n} subnets, in {error.folds} folds"),
        ]  # fmt: skip
    print_table("", ("", ""), rows)
