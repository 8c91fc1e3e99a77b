"""The device specs that a deployment may choose among."""

from __future__ import annotations

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.deploy.device_choice import AUTO, DeviceChoice, leave_unknown_out, list_specs
from compofa_deploy.deploy.options import DeployOptions
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError
from profilers.targets.device import Device


def choose_specs(
    options: DeployOptions, accuracies: AccuraciesByPrecision, device: Device
) -> tuple[list[DeviceSpec], list[Skipped]]:
    """Lists the device specs to choose among.

    A precision that the options do not name is left out where its accuracies are unknown, and there are no images to
    measure them on.

    Args:
        options: The runtime, device, precision and threads that are asked for.
        accuracies: The supernet's accuracies.
        device: The device that is deployed to.

    Returns:
        The device specs, and those that were left out with the reason.

    Raises:
        InputError: The device does not have what is asked for, or nothing is left.
        RuntimeUnavailable: A runtime that was named does not work on the device.
    """
    is_auto = options.runtime == AUTO
    precision = options.precision or (AUTO if is_auto else "")
    threads = options.threads
    if threads is None:
        threads = 0 if is_auto else 1
    if precision != AUTO and threads and not is_auto:
        request = DeviceRequest(
            options.runtime,
            options.device,
            precision,
            threads,
            options.batch,
            graph_level=options.target_platform,
        )
        return [device.find_spec(request)], []
    if options.target_platform:
        raise InputError(
            "--target-platform is of onnxruntime_mobile alone; name its precision and threads as well"
        )
    choice = DeviceChoice(options.runtime, options.device, precision, threads, options.batch)
    specs, left_out = list_specs(choice, device)
    if precision == AUTO and options.data is None:
        specs, unknown = leave_unknown_out(specs, accuracies)
        left_out += unknown
    return specs, left_out
