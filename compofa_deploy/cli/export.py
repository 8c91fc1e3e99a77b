"""``compofa export``."""

from __future__ import annotations

from pathlib import Path

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import quote_command
from compofa_deploy.cli.output import echo, print_json, warn

SHOWN = ("subnet", "model", "weights", "device_spec", "macs", "params", "accuracy")
"""The fields of a bundle's manifest that the JSON form repeats."""


@click.command("export")
@click.argument("subnet")
@options.supernet_option
@options.accuracy_option
@options.device_options
@options.engine_options
@options.output_folder_option
@options.json_option
def command(
    subnet: str,
    supernet: str,
    accuracy: Path | None,
    runtime: str,
    device: str,
    precision: str,
    threads: int,
    batch: int,
    target_platform: str | None,
    compute_capability: str,
    hardware: str,
    version_compatible: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Write a subnet's bundle for a runtime, after its numbers were compared with the reference.

    SUBNET is an id, OFA's config as JSON, or a file that holds one: .json, or OFA's net.config.

    \b
    Example:
      compofa export 23344@32 -o bundle
      compofa export 23344@32 --runtime onnxruntime_mobile --target-platform arm -o bundle
      compofa export 23344@32 --runtime tensorrt --precision fp16 --compute-capability 8.6 -o bundle
    """
    from compofa_deploy import api

    result = api.export(
        subnet,
        output,
        api.ExportOptions(
            device=api.DeviceRequest(
                runtime, device, precision, threads, batch, graph_level=target_platform or ""
            ),
            engine=api.EngineOptions(
                compute_capability=compute_capability,
                hardware=hardware,
                version_compatible=version_compatible,
            ),
            command=quote_command(),
        ),
        supernet,
        accuracy,
    )
    for text in result.warnings:
        warn(text)
    deployment, difference = result.bundle.deployment, result.largest_difference
    if as_json:
        shown = {key: value for key, value in deployment.to_dict().items() if key in SHOWN}
        print_json({"bundle": str(output), **shown, "largest_difference": difference})
        return
    checked = "its numbers were not checked"
    if difference is not None:
        checked = f"logits differ from the reference by {difference:.1g} (tolerance {deployment.tolerance:g})"
    echo(
        f"{output}: {deployment.subnet} for {result.spec.describe()}, {deployment.size_bytes / 1e6:.2f} MB; {checked}"
    )
