"""``compofa export``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, warn


@click.command("export")
@click.argument("subnet")
@options.supernet_option
@options.accuracy_option
@options.device_options
@options.engine_options
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Write a subnet's bundle for a runtime, checked against the reference.

    SUBNET is an id, OFA's config as JSON, or a file that holds one: .json, or OFA's net.config.

    \b
    Example:
      compofa export 23344@32 -o bundle
      compofa export 23344@32 --runtime onnxruntime_mobile --target-platform arm -o bundle
      compofa export 23344@32 --runtime tensorrt --precision fp16 --compute-capability 8.6 -o bundle
    """
    from compofa_deploy.bundle.bundle import decode_reference
    from compofa_deploy.bundle.bundle_writer import check_replaceable, write_bundle
    from compofa_deploy.bundle.verify import check_numbers
    from compofa_deploy.cli.inputs import find_by_precision, find_target
    from compofa_deploy.cli.subnets import read_subnet
    from compofa_deploy.export.export import export
    from compofa_deploy.space.families import find_family
    from compofa_deploy.supernet.stored import load_supernet
    from latency_tables.device import DeviceRequest
    from latency_tables.errors import MismatchError, RuntimeUnavailable
    from profilers.runtimes.registry import find_spec

    check_replaceable(given["output"])
    supernet = load_supernet(given["supernet"])
    subnet = read_subnet(given["subnet"], find_family(supernet.architecture).CHOICES)
    accuracies = find_by_precision(given["accuracy"], given["supernet"])
    if accuracies is None:
        warn("there is no accuracy table: the bundle will not say how accurate it is")
    if supernet.statistics is None:
        warn(
            "the supernet has no batch-norm statistics of this subnet: its accuracy is lost until it is calibrated"
        )
    spec, note = find_target(given)
    if note:
        warn(note)
    known = None if accuracies is None else accuracies.of(spec, subnet)
    if known is not None and known.precision != spec.precision:
        warn(
            f"the accuracy is that of {known.precision}: nobody has measured it in {spec.precision} on {spec.runtime}"
        )
    exported = export(supernet, subnet, spec, known, shlex.join(["compofa", *sys.argv[1:]]))
    deployment = exported.deployment
    pixels, expected = decode_reference(exported.files[deployment.reference.file], "the export")
    difference, checked, here = None, "its numbers were not checked", None
    try:
        here = find_spec(DeviceRequest.of(spec))
    except (MismatchError, RuntimeUnavailable) as error:
        # What is built for another machine.
        warn(f"{checked}: {error}")
    if here is not None:
        difference = check_numbers(deployment, exported.model, pixels, expected, here, exported.weights)
        checked = f"logits differ from the reference by {difference:.1g} (tolerance {deployment.tolerance:g})"
    write_bundle(given["output"], deployment, exported.files)
    if given["as_json"]:
        shown = {
            key: value
            for key, value in deployment.to_dict().items()
            if key in ("subnet", "model", "weights", "device_spec", "macs", "params", "accuracy")
        }
        print_json({"bundle": str(given["output"]), **shown, "largest_difference": difference})
    else:
        click.echo(
            f"{given['output']}: {subnet} for {spec.describe()}, {deployment.size_bytes / 1e6:.2f} MB; {checked}"
        )
