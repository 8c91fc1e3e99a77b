"""``compofa tables import`` and ``compofa tables export``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import format_ms, print_json, warn
from compofa_deploy.cli.table_file import TableFile


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--arch", required=True, metavar="NAME", help="The architecture that the table is of.")
@click.option(
    "--space",
    metavar="NAME",
    help="The space that it must cover: compofa, compofa-elastic or ofa  [default: the architecture's].",
)
@click.option("--machine", metavar="TEXT", help="What it was measured on, as in 'Samsung Note10'.")
@click.option("--runtime", metavar="TEXT", help="What executed the layers.")
@click.option("--runtime-version", metavar="TEXT", help="The runtime's version.")
@click.option("--device", metavar="TEXT", help="The runtime's device, as in cpu.")
@click.option("--precision", metavar="TEXT", help="As in f32.")
@click.option("--threads", type=click.IntRange(1), help="Threads that worked on one operator.")
@click.option("--batch", type=click.IntRange(1), help="Images at once.")
@click.option(
    "--unit", type=click.Choice(["ms", "us", "s"]), default="ms", show_default=True, help="The unit of its latencies.",
)  # fmt: skip
@options.output_option
@options.json_option
def import_command(source: Path, **given: Any) -> None:
    """Read a table that was measured elsewhere, to search and predict with it.

    SOURCE is a file or a folder of them: Once-For-All's tables, of one resolution each, as .yaml or .json; or a .csv
    of your own with the column latency_ms and either layer (our key or OFA's name) or kind, in_channels,
    out_channels, in_size, out_size, mid_channels, kernel, stride, act, se, skip, norm; a column resolution where a
    layer was measured for each. (compofa tables export --format csv writes an example.)

    What is not said of the device is marked unknown. Such a table predicts the plain sum of its layers and states no
    error, so predictions have no interval.

    \b
    Example:
      compofa tables import note10 --arch mbv3-w1.2-imagenet --machine "Samsung Note10" -o note10.json
    """
    from compofa_deploy.cli.table_summary import print_summary, summarise_table
    from compofa_deploy.space.named_architectures import find_architecture
    from compofa_deploy.tables.coverage import widest_space
    from compofa_deploy.tables.importing import import_table
    from compofa_deploy.tables.plausibility import examine_table
    from latency_tables.imported import describe_device

    architecture = find_architecture(given["arch"])
    known = ("machine", "runtime", "runtime_version", "device", "precision", "threads", "batch")
    spec = describe_device(**{word: given[word] for word in known})
    space = given["space"] or widest_space(architecture)
    table = import_table(source, architecture, spec, space, given["unit"])
    table.save(given["output"])
    examined = examine_table(table)
    for doubt in examined.warnings:
        warn(doubt)
    if given["as_json"]:
        print_json({**summarise_table(given["output"], table), "space": space, "examined": asdict(examined)})
        return
    print_summary(given["output"], table)
    click.echo(
        f"{examined.smallest} takes {format_ms(examined.smallest_ms)} and {examined.largest} "
        f"{format_ms(examined.largest_ms)}; the slowest layer, {examined.slowest_layer}, takes "
        f"{format_ms(examined.slowest_layer_ms)}"
    )


@click.command("export")
@click.argument("table", type=TableFile())
@click.option(
    "--format", "kind", type=click.Choice(["ofa", "csv"]), default="ofa", show_default=True,
    help="ofa: a folder of YAML files, one a resolution; csv: one file, a layer a row.",
)  # fmt: skip
@options.output_option
@options.json_option
def export_command(table: Path, kind: str, output: Path, as_json: bool) -> None:
    """Write a table for others: Once-For-All's YAML, or a CSV.

    The plain sum over a network's layers is the table's prediction, and each layer's cost is near the time that it
    takes by itself. Cache contention is no sum of layers; how far off the sums are is said.

    \b
    Example:
      compofa tables export cpu.json --format ofa -o cpu
    """
    from compofa_deploy.tables.exporting import FORMATS
    from latency_tables.table import LatencyTable

    written = FORMATS[kind](LatencyTable.load(table), output)
    if written.largest_error:
        warn(
            f"the table's cache contention is no sum of layers: sums of these files are off its predictions by up to "
            f"{written.largest_error:.1%}"
        )
    if as_json:
        files = [str(path) for path in written.files]
        print_json({"format": kind, "files": files, "largest_error": written.largest_error})
        return
    for path in written.files:
        click.echo(path)
