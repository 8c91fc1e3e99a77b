"""``compofa kit``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, show_progress


@click.group("kit")
def command() -> None:
    """Build and run by hand what a device is asked to measure.

    \b
    Example:
      compofa kit build -o kit.zip
      compofa kit agent -o compofa-agent.pyz
      # carry both to the device, and there:
      python3 compofa-agent.pyz run kit.zip -o measured.json
      # carry measured.json back:
      compofa kit table measured.json -o table.json
    """


@command.command("build")
@options.architecture_option
@options.resolutions_option
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="The images in one call.")
@click.option(
    "--runtime",
    default="onnxruntime",
    show_default=True,
    help="The runtime that will measure the kit; each has its form of graph.",
)
@options.precision_option
@options.output_file_option
@options.json_option
def build(
    arch: str,
    resolutions: tuple[int, ...] | None,
    batch: int,
    runtime: str,
    precision: str,
    output: Path,
    as_json: bool,
) -> None:
    """Write the kit of an architecture as a zip, to be carried to a device.

    \b
    Example:
      compofa kit build --resolutions 24,32 -o kit.zip
      compofa kit build --runtime tensorrt --precision fp16 -o kit.zip
    """
    from compofa_deploy import api

    kit = api.build_kit(
        arch, output, api.DeviceRequest(runtime, precision=precision, batch=batch), resolutions or ()
    )
    counts = {kind: sum(item.kind == kind for item in kit.items) for kind in ("layer", "network")}
    if as_json:
        print_json({"kit": str(output), "kit_id": kit.kit_id, **counts})
    else:
        echo(f"{output}: {counts['layer']} layers, {counts['network']} networks")


@command.command("run")
@click.argument("kit", type=click.Path(path_type=Path, dir_okay=False))
@options.device_options
@click.option("--quick", is_flag=True, help="Take fewer samples, for a first estimate.")
@options.output_file_option
@options.json_option
def run(
    kit: Path,
    runtime: str,
    device: str,
    precision: str,
    threads: int,
    batch: int,
    target_platform: str | None,
    quick: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Measure a kit on this machine and write the latency table.

    A run that is interrupted goes on from its journal, which is kept beside the table.

    \b
    Example:
      compofa kit run kit.zip -o table.json
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import print_summary, summarise_table

    request = api.DeviceRequest(runtime, device, precision, threads, batch, graph_level=target_platform or "")
    with show_progress() as display:
        table = api.run_kit(kit, output, request, quick, display)
    if as_json:
        print_json(summarise_table(output, table))
    else:
        print_summary(output, table)


@command.command("agent")
@options.output_file_option
@options.json_option
def agent(output: Path, as_json: bool) -> None:
    """Write the agent: one file that measures a kit on a device with python3, numpy and a runtime.

    \b
    Example:
      compofa kit agent -o compofa-agent.pyz
      python3 compofa-agent.pyz run kit.zip -o measured.json
    """
    from compofa_deploy import api

    size = api.write_agent(output)
    if as_json:
        print_json({"agent": str(output), "size_bytes": size})
    else:
        echo(f"{output}: {size / 1e3:.0f} kB; on the device: python3 {output.name} --help")


@command.command("table")
@click.argument("measured", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--emulated", is_flag=True, help="Accept measurements of an emulated CPU, to try the procedure."
)
@options.output_file_option
@options.json_option
def table(measured: Path, emulated: bool, output: Path, as_json: bool) -> None:
    """Build the latency table of a device from what the agent measured there.

    \b
    Example:
      compofa kit table measured.json -o table.json
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import print_summary, summarise_table

    built = api.build_table(measured, emulated)
    built.save(output)
    if as_json:
        print_json(summarise_table(output, built))
    else:
        print_summary(output, built)
