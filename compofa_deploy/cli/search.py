"""``compofa search``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import is_given
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, warn
from compofa_deploy.cli.output_file import OutputFile
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.units import Latency
from compofa_deploy.space.space_names import LISTED_SPACE, SPACES


@click.command("search")
@click.option(
    "--table",
    "table_files",
    multiple=True,
    type=TableFile(),
    metavar="FILE|NAME",
    help="A latency table. Several tables search over all of their device specs  [default: this machine's table].",
)
@click.option("--latency", "latency_ms", type=Latency(), help="The largest latency, as in 20ms or 30fps.")
@options.percentile_option
@options.confidence_option
@options.constraint_options
@click.option(
    "--front", "whole_front", is_flag=True, help="Print the whole Pareto front instead of its best point."
)
@click.option("--csv", type=OutputFile(), metavar="FILE", help="Also write the result as CSV.")
@click.option(
    "--config",
    type=OutputFile(),
    metavar="FILE.json",
    help="Also write the best subnet as OFA's config, which compofa export takes.",
)
@click.option(
    "--plot",
    type=OutputFile(),
    metavar="FILE",
    help="Also draw the candidates, the front, the budget and the best subnet, as .svg or .png. Needs the extra "
    '"report".',
)
@click.option(
    "--space",
    type=click.Choice(SPACES),
    default=LISTED_SPACE,
    show_default=True,
    help="compofa compares every subnet. compofa-elastic has any kernel sizes; ofa has any depths, widths and kernel "
    "sizes. These two are searched from random starts.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The seed of the random starts. The same seed finds the same subnet.",
)
@click.option(
    "--evaluations",
    type=click.IntRange(1),
    metavar="N",
    help="The most subnets whose accuracy is predicted in a search from random starts, for each table  "
    "[default: 4000].",
)
@options.supernet_option
@click.option(
    "--accuracy",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The accuracies: the supernet's table, a CSV (subnet, top1), a predictor of compofa accuracy, or the weights "
    "of OFA's predictor (.pth)  [default: the table beside the supernet].",
)
@options.json_option
def command(
    table_files: tuple[Path, ...],
    latency_ms: float | None,
    percentile: int,
    confidence: float,
    max_size: int | None,
    max_macs: int | None,
    max_params: int | None,
    min_accuracy: float | None,
    whole_front: bool,
    csv: Path | None,
    config: Path | None,
    plot: Path | None,
    space: str,
    seed: int,
    evaluations: int | None,
    supernet: str,
    accuracy: Path | None,
    as_json: bool,
) -> None:
    """Find the most accurate subnet under constraints, or the whole front of latency and accuracy.

    In the space compofa every candidate is compared, so the answer is the true optimum of the tables. The same holds
    where a CSV states the subnets. Larger spaces need an accuracy predictor. The subnet that is found there keeps the
    latency exactly, and may not be the most accurate one. The exit code is 1 where no subnet keeps the constraints.

    \b
    Example:
      compofa search --latency 1ms --max-size 10MB
      compofa search --table cpu.json --latency 1ms --plot front.svg
      compofa search --table cpu.json --table openvino.json --front
      compofa search --table note10.json --accuracy acc_predictor.pth --latency 25ms
      compofa search --table note10.json --accuracy acc_predictor.pth --latency 25ms --space ofa --config best.json
    """  # fmt: skip
    from compofa_deploy import api

    wanted = api.SearchOptions(
        latency_ms=latency_ms,
        percentile=percentile,
        confidence=confidence,
        max_size_bytes=max_size,
        max_macs=max_macs,
        max_params=max_params,
        min_accuracy=min_accuracy,
        space=space,
        seed=seed,
        evaluations=evaluations,
    )
    tables = [api.load_table(file) for file in table_files]
    for difference in filter(None, map(api.describe_other_version, tables)):
        warn(difference)
    search = api.front if whole_front else api.search
    result = search(tables, wanted, supernet if is_given("supernet") else None, accuracy)
    if csv is not None:
        result.save_csv(csv)
    if config is not None:
        result.save_config(config)
    if plot is not None:
        api.write_search_figure(result.candidates, result.best_index, latency_ms, plot)
    found = result.describe()
    if as_json:
        chosen: dict[str, Any] = {"front": found} if whole_front else {"best": found[0]}
        print_json({"space": space, "candidates": result.evaluated, "accuracies": result.origin, **chosen})
        return
    print_candidates(found, result.origin)
    for spec in sorted({f["device_spec"] for f in found}):
        echo(f"on {spec}")
    echo(f"accuracies {result.origin}")
    for precision in sorted({f["precision"] for f in found if f["accuracy_assumed"]}):
        echo(
            f"accuracies in {precision} are assumed to equal those in f32: nobody has measured them (compofa evaluate)"
        )
    for table in result.candidates.tables:
        if not table.states_error:
            echo(f"latencies by {table.source} of unknown error: it states none")
        elif table.recalibrated_from:
            echo(f"latencies by {table.source}, {table.describe_error()}")


def print_candidates(found: Sequence[dict[str, Any]], origin: str) -> None:
    """Prints one row for each candidate. Where there are several device specs, settings replace the sizes.

    Args:
        found: The candidates, as :meth:`compofa_deploy.search.search.SearchResult.describe` gives them.
        origin: Where the accuracies come from; its first word names the column.
    """
    mixed = len({f["device_spec"] for f in found}) > 1
    tested = all(f["test_accuracy"] is not None for f in found)
    percents: tuple[str, ...] = (f">{origin.partition(' ')[0]} %",)
    if tested:
        percents = (">val. %" if mixed else ">validation %", ">test %")
    rows = [
        (
            f["subnet"],
            *([_describe_settings(f)] if mixed else []),
            f"{f['accuracy']:.2f}",
            *([f"{f['test_accuracy']:.2f}"] if tested else []),
            format_ms(f["latency_ms"]),
            "unknown" if f["latency_upper_ms"] is None else format_ms(f["latency_upper_ms"]),
            *([] if mixed else [f"{f['macs'] / 1e6:.1f}", f"{f['params'] / 1e6:.2f}"]),
        )
        for f in found
    ]
    settings, sizes = (("device spec",), ()) if mixed else ((), (">M MACs", ">M params"))
    print_table("", ("subnet", *settings, *percents, ">latency", ">at most", *sizes), rows)


def _describe_settings(found: dict[str, Any]) -> str:
    known = [str(found.get(word, "unknown")) for word in ("runtime", "device", "precision", "threads")]
    return f"{' '.join(known[:3])}, {known[3]} thread{'' if known[3] == '1' else 's'}"
