"""``compofa tables``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, print_table

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable

table_argument = click.argument("table", type=click.Path(path_type=Path, dir_okay=False))


@click.group("tables")
def command() -> None:
    """Latency tables: list, show, predict.

    \b
    Example:
      compofa tables list
      compofa tables predict cpu.json 23344@32 44444@32
    """


@command.command("list")
@options.json_option
def list_tables(as_json: bool) -> None:
    """The tables of this machine that are kept in the cache.

    \b
    Example:
      compofa tables list
    """
    from compofa_deploy.cache import Cache
    from latency_tables.errors import CompofaError
    from latency_tables.table import LatencyTable

    folder = Cache.default().folder / "tables"
    found, broken = [], []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found.append(summarise_table(path, LatencyTable.load(path)))
        except CompofaError as error:
            broken.append(str(error))
    if as_json:
        print_json({"tables": found, "broken": broken})
        return
    for t in found:
        sides = ", ".join(map(str, t["resolutions"]))
        click.echo(t["file"])
        click.echo(f"    {t['architecture']} at {sides} px, {t['device_spec']}")
        click.echo(f"    off by {t['error']['mape']:.1%} on networks left out; made {t['created'][:16]}")
    if not found:
        click.echo(f"none in {folder}; make one with compofa profile")
    for text in broken:
        click.echo(text, err=True)


@command.command("show")
@table_argument
@options.json_option
def show(table: Path, as_json: bool) -> None:
    """What a table is of, what it is worth, and its layers.

    \b
    Example:
      compofa tables show cpu.json
    """
    from latency_tables.table import LatencyTable

    loaded = LatencyTable.load(table)
    if as_json:
        print_json(
            {
                **summarise_table(table, loaded),
                "costs_ms": loaded.costs_ms,
                "intercept_ms": loaded.intercept_ms,
            }
        )
        return
    print_summary(table, loaded)
    rows = [
        (key, format_ms(loaded.isolated_ms[key]), format_ms(ms))
        for key, ms in sorted(loaded.costs_ms.items(), key=lambda entry: -entry[1])
    ]
    print_table("", ("layer", ">alone", ">in a network"), rows)


@command.command("predict")
@table_argument
@click.argument("subnets", nargs=-1, required=True)
@click.option(
    "--confidence", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.9, show_default=True
)
@options.json_option
def predict(table: Path, subnets: tuple[str, ...], confidence: float, as_json: bool) -> None:
    """The latency of subnets, with an interval.

    \b
    Example:
      compofa tables predict cpu.json 23344@32
    """
    from compofa_deploy.architecture import Architecture
    from compofa_deploy.space import list_layers
    from compofa_deploy.subnet import Subnet
    from latency_tables.table import LatencyTable

    loaded = LatencyTable.load(table)
    architecture = Architecture.from_dict(loaded.architecture)
    found: list[dict[str, Any]] = []
    for subnet in map(Subnet.parse, subnets):
        ms = loaded.predict_ms(layer.key for layer in list_layers(architecture, subnet))
        low, high = loaded.interval_ms(ms, confidence)
        found.append({"subnet": subnet.id, "latency_ms": ms, "low_ms": low, "high_ms": high})
    if as_json:
        print_json({"confidence": confidence, "predictions": found})
        return
    rows = [
        (f["subnet"], *(format_ms(f[word]) for word in ("latency_ms", "low_ms", "high_ms"))) for f in found
    ]
    print_table("", ("subnet", ">predicted", f">low ({confidence:.0%})", ">high"), rows)


def summarise_table(path: Path, table: LatencyTable) -> dict[str, Any]:
    """What a table is of and what it is worth, JSON-ready."""
    from dataclasses import asdict

    return {
        "file": str(path),
        "architecture": table.architecture["name"],
        "device_spec": table.spec.describe(),
        "device_spec_id": table.spec.id,
        "created": table.created,
        "resolutions": list(table.resolutions),
        "layers": len(table.costs_ms),
        "networks": len(table.networks),
        "doubtful_networks": sum(bool(network.doubts) for network in table.networks),
        "error": asdict(table.error),
        "interval_90": table.margin(0.9),
    }


def print_summary(path: Path, table: LatencyTable) -> None:
    """The same for people."""
    summary, error = summarise_table(path, table), table.error
    rows = [
        ("table", str(path)),
        ("architecture", f"{summary['architecture']} at {', '.join(map(str, table.resolutions))} px"),
        ("device spec", summary["device_spec"]),
        ("measured", f"{summary['layers']} layers, {summary['networks']} networks "
                     f"({summary['doubtful_networks']} in doubt)"),
        ("error", f"{error.mape:.2%} on average on networks left out, {error.within_5:.0%} within 5 %, rank "
                  f"correlation {error.rank_correlation:.3f}"),
        ("noise", f"{error.noise_floor:.2%} between two sessions of one network"),
        ("interval", f"+-{summary['interval_90']:.1%} holds 90 %"),
    ]  # fmt: skip
    print_table("", ("", ""), rows)
