"""``compofa kit``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress


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
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Images at once.")
@click.option(
    "--runtime", default="onnxruntime", show_default=True, help="What will measure it: each has its form."
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
    import tempfile

    from compofa_deploy.graph.form import choose_form
    from compofa_deploy.space.named_architectures import find_architecture
    from compofa_deploy.tables.kit_builder import build_kit
    from profilers.measuring.kit_zip import pack_kit
    from profilers.runtimes.registry import find_runtime

    architecture = find_architecture(arch)
    find_runtime(runtime)
    with tempfile.TemporaryDirectory(prefix="compofa-kit-") as folder:
        sizes = resolutions or architecture.resolutions
        kit = build_kit(architecture, sizes, batch, Path(folder), choose_form(runtime, precision))
        pack_kit(kit, output)
    counts = {kind: sum(item.kind == kind for item in kit.items) for kind in ("layer", "network")}
    if as_json:
        print_json({"kit": str(output), "kit_id": kit.kit_id, **counts})
    else:
        click.echo(f"{output}: {counts['layer']} layers, {counts['network']} networks")


@command.command("run")
@click.argument("kit", type=click.Path(path_type=Path, dir_okay=False))
@options.device_options
@click.option("--quick", is_flag=True, help="Fewer samples, for a first look.")
@options.output_file_option
@options.json_option
def run(**given: Any) -> None:
    """Measure a kit on this machine and write the latency table.

    A run that is interrupted goes on from its journal, which is kept beside the table.

    \b
    Example:
      compofa kit run kit.zip -o table.json
    """
    import tempfile

    from compofa_deploy.cli.inputs import find_spec
    from compofa_deploy.cli.table_summary import print_summary, summarise_table
    from compofa_deploy.tables.profile_local import PLANS
    from profilers.measuring.kit_zip import unpack_kit
    from profilers.measuring.runner import measure_kit

    spec = find_spec(given)
    output: Path = given["output"]
    journal = output.with_name(f"{output.name}.journal")
    with tempfile.TemporaryDirectory(prefix="compofa-kit-") as folder, show_progress() as display:
        kit = unpack_kit(given["kit"], Path(folder) / "kit")
        display.on_step(f"measuring on {spec.describe()}")
        plan = PLANS["quick" if given["quick"] else "full"]()
        table = measure_kit(kit, spec, journal, plan, display.on_progress()).build_table()
    table.save(output)
    journal.unlink(missing_ok=True)
    if given["as_json"]:
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
    from latency_tables.files import replace_file
    from profilers.targets.agent_archive import pack_agent

    content = pack_agent()
    with replace_file(output) as file:
        file.write(content)
    if as_json:
        print_json({"agent": str(output), "size_bytes": len(content)})
    else:
        click.echo(f"{output}: {len(content) / 1e3:.0f} kB; on the device: python3 {output.name} --help")


@command.command("table")
@click.argument("measured", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--emulated", is_flag=True, help="Take what was measured on an emulated CPU, to try the way out."
)
@options.output_file_option
@options.json_option
def table(measured: Path, emulated: bool, output: Path, as_json: bool) -> None:
    """Build the latency table of a device from what the agent measured there.

    \b
    Example:
      compofa kit table measured.json -o table.json
    """
    from compofa_deploy.cli.table_summary import print_summary, summarise_table
    from latency_tables.measured_kit import MeasuredKit

    built = MeasuredKit.load(measured).build_table(emulated)
    built.save(output)
    if as_json:
        print_json(summarise_table(output, built))
    else:
        print_summary(output, built)
