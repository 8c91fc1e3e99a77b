"""``compofa search``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table, warn
from compofa_deploy.cli.search_space import LISTED, check_space, search_space, space_options
from compofa_deploy.cli.table_file import TableFile
from compofa_deploy.cli.units import Duration

if TYPE_CHECKING:
    from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
    from compofa_deploy.accuracy.csv_table import StatedAccuracies
    from compofa_deploy.accuracy.predictions import PredictedAccuracies
    from compofa_deploy.search.candidates import Candidates
    from compofa_deploy.space.architecture import Architecture
    from latency_tables.table import LatencyTable


@click.command("search")
@click.option(
    "--table",
    "tables",
    multiple=True,
    type=TableFile(),
    metavar="FILE|NAME",
    help="A latency table; several search over all of their device specs  [default: this machine's].",
)
@click.option("--latency", type=Duration(), help="Largest latency, as in 20ms.")
@options.percentile_option
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Of the predicted interval whose upper end must keep the latency.",
)
@options.constraint_options
@click.option(
    "--front", "whole_front", is_flag=True, help="The whole Pareto front instead of its best point."
)
@click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write what is found as CSV.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="Also write the best subnet as OFA's config, which compofa export takes.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw the candidates, the front, the budget and the best subnet, as .svg or .png. Needs the extra "
    '"report".',
)
@space_options
@options.supernet_option
@click.option(
    "--accuracy",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Accuracies: the supernet's table, a CSV (subnet, top1), a predictor of compofa accuracy, or the weights of "
    "OFA's (.pth)  [default: the table beside the supernet].",
)
@options.json_option
def command(**given: Any) -> None:
    """The most accurate subnet under constraints, or the whole front of latency and accuracy.

    Of the space compofa every candidate is looked at, so the answer is the true optimum of the tables; so it is where a
    CSV states the subnets. Larger spaces need an accuracy predictor; the best that is found there keeps the latency
    exactly, and may not be the very best. Exit code 1 where none keeps the constraints.

    \b
    Example:
      compofa search --latency 1ms --max-size 10MB
      compofa search --table cpu.json --latency 1ms --plot front.svg
      compofa search --table cpu.json --table openvino.json --front
      compofa search --table note10.json --accuracy acc_predictor.pth --latency 25ms
      compofa search --table note10.json --accuracy acc_predictor.pth --latency 25ms --space ofa --config best.json
    """  # fmt: skip
    import numpy as np

    from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
    from compofa_deploy.accuracy.csv_table import StatedAccuracies
    from compofa_deploy.accuracy.predictions import PredictedAccuracies
    from compofa_deploy.cli.inputs import list_constraints
    from compofa_deploy.search.candidates import list_candidates, list_from_csv
    from compofa_deploy.search.candidates_by_precision import list_by_precision
    from compofa_deploy.search.constraints import MaxLatency
    from compofa_deploy.search.select import best, front
    from compofa_deploy.tables.runtime_version import describe_other_version
    from latency_tables.files import replace_file
    from latency_tables.table import LatencyTable

    tables = [LatencyTable.load(path) for path in given["tables"]]
    for difference in filter(None, map(describe_other_version, tables)):
        warn(difference)
    architecture, accuracies = _load_accuracies(given["supernet"], given["accuracy"], tables)
    if given["space"] != LISTED:
        check_space(given, accuracies)
    tables = tables or _find_tables_here(architecture, accuracies.resolutions)
    how = int(given["percentile"]), given["confidence"]
    looked_at = None
    if given["space"] != LISTED and isinstance(accuracies, PredictedAccuracies):
        candidates, looked_at = search_space(given, accuracies, tables)
    elif isinstance(accuracies, StatedAccuracies):
        candidates = list_from_csv(architecture, accuracies, tables, *how)
    elif isinstance(accuracies, AccuraciesByPrecision):
        candidates = list_by_precision(architecture, accuracies, tables, *how)
    else:
        candidates = list_candidates(architecture, accuracies, tables, *how)
    constraints = list_constraints(given)
    if given["latency"] is not None:
        constraints.insert(0, MaxLatency(given["latency"]))
    chosen = front(candidates, constraints) if given["whole_front"] else [best(candidates, constraints)]
    if given["csv"] is not None:
        with replace_file(given["csv"]) as file:
            candidates.take(np.asarray(chosen)).to_frame().to_csv(file, index=False)
    if given["config"] is not None:
        most_accurate = candidates.subnet(int(max(chosen, key=lambda i: candidates.accuracy[i])))
        with replace_file(given["config"]) as file:
            file.write(json.dumps(most_accurate.to_ofa()).encode() + b"\n")
    if given["plot"] is not None:
        from compofa_deploy.report.search_figure import write_search_figure

        write_search_figure(candidates, best(candidates, constraints), given["latency"], given["plot"])
    origin = "evaluated on images" if isinstance(accuracies, AccuraciesByPrecision) else accuracies.describe()
    found = [_describe(candidates, accuracies, int(index)) for index in chosen]
    if given["as_json"]:
        print_json({"space": given["space"], "candidates": looked_at or len(candidates), "accuracies": origin,
                    "front" if given["whole_front"] else "best":
                    found if given["whole_front"] else found[0]})  # fmt: skip
        return
    _print_found(found, origin)
    for spec in sorted({f["device_spec"] for f in found}):
        click.echo(f"on {spec}")
    click.echo(f"accuracies {origin}")
    for precision in sorted({f["precision"] for f in found if f["accuracy_assumed"]}):
        click.echo(
            f"in {precision} assumed to be what they are in f32: nobody has measured them (compofa evaluate)"
        )
    for table in tables:
        if not table.states_error:
            click.echo(f"latencies by {table.source} of unknown error: it states none")
        elif table.recalibrated_from:
            click.echo(f"latencies by {table.source}, {table.describe_error()}")


def _describe(
    candidates: Candidates,
    accuracies: AccuraciesByPrecision | StatedAccuracies | PredictedAccuracies,
    index: int,
) -> dict[str, Any]:
    """A candidate, JSON-ready, with its test accuracy where it was evaluated. What is assumed of its accuracy is that a
    lower precision costs none."""
    from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
    from compofa_deploy.accuracy.table import F32

    spec, test, assumed = candidates.tables[candidates.table[index]].spec, None, False
    if isinstance(accuracies, AccuraciesByPrecision):
        test = accuracies.of(spec).find(candidates.subnet(index))["test"]
        assumed = accuracies.find(spec) is None
    else:
        assumed = spec.precision != F32 and "precision" not in spec.unknown
    return {**candidates.describe(index), "test_accuracy": test, "accuracy_assumed": assumed}


def _print_found(found: Sequence[dict[str, Any]], origin: str) -> None:
    """One row for each; with the device spec's settings, and without sizes, where there are several."""
    mixed = len({f["device_spec"] for f in found}) > 1
    tested = all(f["test_accuracy"] is not None for f in found)
    percents = (
        (">val. %" if mixed else ">validation %", ">test %")
        if tested
        else (f">{origin.partition(' ')[0]} %",)
    )
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


def _load_accuracies(
    supernet: str, path: Path | None, tables: Sequence[LatencyTable]
) -> tuple[Architecture, AccuraciesByPrecision | StatedAccuracies | PredictedAccuracies]:
    """What is searched, and its accuracies: a supernet's, with the tables that were made of it; or from elsewhere, for
    the supernet that was asked for by name, else for what the tables are of."""
    from compofa_deploy.accuracy.source import is_foreign, load_foreign
    from compofa_deploy.cli.inputs import load_by_precision
    from compofa_deploy.space.architecture import Architecture
    from compofa_deploy.supernet.stored import load_supernet

    if path is not None and is_foreign(path):
        source = click.get_current_context().get_parameter_source("supernet")
        if tables and source is ParameterSource.DEFAULT:
            architecture = Architecture.from_dict(tables[0].architecture)
        else:
            architecture = load_supernet(supernet).architecture
        return architecture, load_foreign(path, architecture)
    loaded = load_supernet(supernet)
    accuracies = load_by_precision(path, supernet)
    accuracies.f32.check_supernet(loaded.digest)
    return loaded.architecture, accuracies


def _find_tables_here(architecture: Architecture, resolutions: Sequence[int]) -> list[LatencyTable]:
    """This machine's cached table for ONNX Runtime, one thread."""
    from compofa_deploy.tables.cache import MODES, Cache
    from latency_tables.errors import InputError
    from profilers.runtimes.registry import find_runtime

    spec = find_runtime("onnxruntime").spec()
    table = Cache.default().find_table(architecture, spec, resolutions, MODES)
    if table is None:
        raise InputError(
            f"no table of {spec.describe()} is kept here; make one with compofa profile -o table.json and name it with "
            "--table"
        )
    return [table]
