"""``compofa search``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table
from compofa_deploy.cli.units import Duration


@click.command("search")
@click.option(
    "--table",
    "tables",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
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
@options.supernet_option
@options.accuracy_option
@options.json_option
def command(**given: Any) -> None:
    """The most accurate subnet under constraints, or the whole front of latency and accuracy.

    Every candidate is looked at, so the answer is the true optimum of the tables. Exit code 1 where none keeps the
    constraints.

    \b
    Example:
      compofa search --latency 1ms --max-size 10MB
      compofa search --table cpu.json --table openvino.json --front
    """  # fmt: skip
    import numpy as np

    from compofa_deploy.cli.inputs import list_constraints, load_accuracies
    from compofa_deploy.search.candidates import list_candidates
    from compofa_deploy.search.constraints import MaxLatency
    from compofa_deploy.search.select import best, front
    from compofa_deploy.supernet.stored import load_supernet
    from latency_tables.files import replace_file
    from latency_tables.table import LatencyTable

    supernet = load_supernet(given["supernet"])
    accuracies = load_accuracies(given["accuracy"], given["supernet"])
    accuracies.check_supernet(supernet.digest)
    tables = [LatencyTable.load(path) for path in given["tables"]] or _find_tables_here(supernet, accuracies)
    candidates = list_candidates(
        supernet.architecture, accuracies, tables, int(given["percentile"]), given["confidence"]
    )
    constraints = list_constraints(given)
    if given["latency"] is not None:
        constraints.insert(0, MaxLatency(given["latency"]))
    chosen = front(candidates, constraints) if given["whole_front"] else [best(candidates, constraints)]
    if given["csv"] is not None:
        with replace_file(given["csv"]) as file:
            candidates.take(np.asarray(chosen)).to_frame().to_csv(file, index=False)
    found = [
        {**candidates.describe(int(i)), "test_accuracy": accuracies.find(candidates.subnet(int(i)))["test"]}
        for i in chosen
    ]
    if given["as_json"]:
        print_json({"candidates": len(candidates), "front" if given["whole_front"] else "best":
                    found if given["whole_front"] else found[0]})  # fmt: skip
        return
    rows = [
        (
            f["subnet"],
            f"{f['accuracy']:.2f}",
            f"{f['test_accuracy']:.2f}",
            format_ms(f["latency_ms"]),
            "unknown" if f["latency_upper_ms"] is None else format_ms(f["latency_upper_ms"]),
            f"{f['macs'] / 1e6:.1f}",
            f"{f['params'] / 1e6:.2f}",
        )
        for f in found
    ]
    columns = ("subnet", ">validation %", ">test %", ">predicted", ">at most", ">M MACs", ">M params")
    print_table("", columns, rows)
    for spec in sorted({f["device_spec"] for f in found}):
        click.echo(f"on {spec}")


def _find_tables_here(supernet: Any, accuracies: Any) -> list[Any]:
    """This machine's cached table for ONNX Runtime, one thread."""
    from compofa_deploy.cache import Cache
    from latency_tables.errors import InputError
    from profilers.registry import find_runtime

    spec = find_runtime("onnxruntime").spec()
    table = Cache.default().find_table(supernet.architecture, spec, accuracies.resolutions, ("full", "quick"))
    if table is None:
        raise InputError(
            f"no table of {spec.describe()} is kept here; make one with compofa profile -o table.json and name it with "
            "--table"
        )
    return [table]
