"""``compofa tables import``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, format_ms, print_json, warn


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--arch", required=True, metavar="NAME", help="The architecture that the table is for.")
@click.option(
    "--space",
    metavar="NAME",
    help="The space that the table must cover: compofa, compofa-elastic or ofa  [default: the architecture's].",
)
@click.option(
    "--machine", metavar="TEXT", help="The machine that it was measured on, as in 'Samsung Note10'."
)
@click.option("--runtime", metavar="TEXT", help="What executed the layers.")
@click.option("--runtime-version", metavar="TEXT", help="The runtime's version.")
@click.option("--device", metavar="TEXT", help="The runtime's device, as in cpu.")
@click.option("--precision", metavar="TEXT", help="The precision, as in f32.")
@click.option("--threads", type=click.IntRange(1), help="The threads that worked on one operator.")
@click.option("--batch", type=click.IntRange(1), help="The images in one call.")
@click.option(
    "--unit", type=click.Choice(["ms", "us", "s"]), default="ms", show_default=True, help="The unit of its latencies.",
)  # fmt: skip
@options.output_file_option
@options.json_option
def import_command(
    source: Path,
    arch: str,
    space: str | None,
    machine: str | None,
    runtime: str | None,
    runtime_version: str | None,
    device: str | None,
    precision: str | None,
    threads: int | None,
    batch: int | None,
    unit: str,
    output: Path,
    as_json: bool,
) -> None:
    """Read a table that was measured elsewhere, to search and predict with it.

    SOURCE is a file or a folder of them: Once-For-All's tables, of one resolution each, as .yaml or .json; or a .csv
    of your own with the column latency_ms and either layer (our key or OFA's name) or kind, in_channels,
    out_channels, in_size, out_size, mid_channels, kernel, stride, act, se, skip, norm; a column resolution where a
    layer was measured for each. (compofa tables export --format csv writes an example.)

    Settings of the device that are not given are marked unknown. Such a table predicts the plain sum of its layers and
    states no error, so its predictions have no interval.

    \b
    Example:
      compofa tables import note10 --arch mbv3-w1.2-imagenet --machine "Samsung Note10" -o note10.json
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import print_summary, summarise_table

    known = api.TableImportOptions(
        machine=machine,
        runtime=runtime,
        runtime_version=runtime_version,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch,
        space=space,
        unit=unit,
    )
    table = api.import_table(source, arch, known)
    table.save(output)
    examined = api.examine_table(table)
    for doubt in examined.warnings:
        warn(doubt)
    if as_json:
        covered = space or api.find_widest_space(arch)
        print_json({**summarise_table(output, table), "space": covered, "examined": asdict(examined)})
        return
    print_summary(output, table)
    echo(
        f"{examined.smallest} takes {format_ms(examined.smallest_ms)} and {examined.largest} "
        f"{format_ms(examined.largest_ms)}; the slowest layer, {examined.slowest_layer}, takes "
        f"{format_ms(examined.slowest_layer_ms)}"
    )
