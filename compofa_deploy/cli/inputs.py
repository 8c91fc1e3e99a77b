"""From what was typed to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.deploy.device_choice import AUTO, Asked, leave_unknown_out, list_specs
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError
from profilers.runtimes import registry


def make_request(given: Mapping[str, Any]) -> DeviceRequest:
    """The request that :func:`compofa_deploy.cli.options.device_options` were given for."""
    return DeviceRequest(
        given["runtime"],
        given["device"],
        given["precision"],
        given["threads"],
        given["batch"],
        graph_level=given.get("target_platform") or "",
    )


def find_spec(given: Mapping[str, Any]) -> DeviceSpec:
    """The device spec on this machine that :func:`compofa_deploy.cli.options.device_options` asked for."""
    return registry.find_spec(make_request(given))


def find_specs(
    given: Mapping[str, Any], accuracies: AccuraciesByPrecision
) -> tuple[list[DeviceSpec], list[Skipped]]:
    """The device specs to choose from that :func:`compofa_deploy.cli.options.searched_device_options` asked for, and
    what is not among them.

    Precisions that were not named are left out where nobody has measured the accuracies and there are no images to
    measure them on.
    """
    is_auto = given["runtime"] == AUTO
    precision = given["precision"] or (AUTO if is_auto else "")
    threads = (0 if is_auto else 1) if given["threads"] is None else given["threads"]
    if precision != AUTO and threads and not is_auto:
        return [find_spec({**given, "threads": threads})], []
    if given["target_platform"] is not None:
        raise InputError(
            "--target-platform is of onnxruntime_mobile alone; name its precision and threads as well"
        )
    asked = Asked(given["runtime"], given["device"], precision, threads, given["batch"])
    specs, left_out = list_specs(asked)
    if precision == AUTO and given["data"] is None:
        specs, unknown = leave_unknown_out(specs, accuracies)
        left_out += unknown
    return specs, left_out
