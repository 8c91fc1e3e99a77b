"""Exporting a subnet to a folder, after its numbers were checked here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.bundle.bundle import Bundle
from compofa_deploy.bundle.bundle_writer import check_replaceable, write_bundle
from compofa_deploy.bundle.verify import check_numbers
from compofa_deploy.export.export import export
from compofa_deploy.export.export_target import find_export_target
from compofa_deploy.export.options import ExportOptions
from compofa_deploy.space.families import is_single_network
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import MismatchError, RuntimeUnavailable
from profilers.targets.device import Device


@dataclass(frozen=True)
class ExportResult:
    """A bundle that was written.

    Attributes:
        bundle: The bundle.
        spec: The device spec that it is for.
        largest_difference: The largest relative difference of its logits from the reference; ``None`` where the
            model cannot run here.
        warnings: What the user should know, each in one sentence.
    """

    bundle: Bundle
    spec: DeviceSpec
    largest_difference: float | None
    warnings: tuple[str, ...]


def export_to_folder(
    supernet: StoredSupernet,
    subnet: Subnet,
    accuracies: AccuraciesByPrecision | None,
    output: Path,
    options: ExportOptions,
    device: Device,
) -> ExportResult:
    """Exports a subnet, compares its numbers with the reference, and writes the bundle.

    Args:
        supernet: The supernet that the weights come from.
        subnet: The subnet.
        accuracies: The supernet's accuracies, or ``None`` where they are unknown.
        output: The folder of the bundle: free, or a bundle that may be replaced.
        options: The device settings to export for.
        device: The device that checks the numbers.

    Raises:
        InputError: The output is taken, or the runtime does not have what is asked for.
        MismatchError: The supernet does not have the subnet, or the accuracies belong to other weights.
        RuntimeUnavailable: The runtime does not work here.
        VerificationError: The numbers differ from the reference by more than the tolerance.
    """
    check_replaceable(output)
    spec, note = find_export_target(options)
    known = None if accuracies is None else accuracies.of(spec, subnet)
    warnings = [note] if note else []
    if known is None:
        warnings.append("there is no accuracy table: the bundle will not say how accurate it is")
    elif known.precision != spec.precision:
        warnings.append(
            f"the accuracy is that of {known.precision}: nobody has measured it in {spec.precision} on {spec.runtime}"
        )
    if supernet.statistics is None and not is_single_network(supernet.architecture):
        warnings.append(
            "the supernet has no batch-norm statistics of this subnet: its accuracy is lost until it is calibrated"
        )
    exported = export(supernet, subnet, spec, known, options.command)
    difference: float | None = None
    try:
        here = device.find_spec(DeviceRequest.of(spec))
        difference = check_numbers(
            exported.deployment, exported.model_files, exported.reference, here, device
        )
    except (MismatchError, RuntimeUnavailable) as error:
        # The model is built for another machine.
        warnings.append(f"its numbers were not checked: {error}")
    bundle = write_bundle(output, exported.deployment, exported.files)
    return ExportResult(bundle, spec, difference, tuple(warnings))
