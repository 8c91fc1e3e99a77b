"""Imported tables: latencies of layers that others measured, without a calibration or a stated error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latency_tables.device import SETTINGS, DeviceSpec
from latency_tables.errors import FormatError
from latency_tables.machine import Machine
from latency_tables.table import LatencyTable

LARGEST_RATIO = 100.0
"""Two resolutions that state one layer further apart than this factor have different units or devices.

Noise explains much: in published tables of a Jetson one layer differs by a factor of 2.3 between resolutions.
"""

LEAST_MS = 1e-6
"""Values below this are compared as this: a layer of 0 ms is below the resolution of a clock."""

UNKNOWN = "unknown"


def describe_device(
    machine: str | None = None,
    runtime: str | None = None,
    runtime_version: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    batch: int | None = None,
) -> DeviceSpec:
    """The device spec of an imported table. Each setting that is not given is marked as unknown.

    Args:
        machine: The name of the machine.
        runtime: The name of the runtime.
        runtime_version: The version of the runtime.
        device: The runtime's device, as in ``cpu``.
        precision: The precision that the runtime computed in.
        threads: The threads that worked on one operator.
        batch: Images at once.
    """
    given = {
        "runtime": runtime, "runtime_version": runtime_version, "device": device, "precision": precision,
        "threads": threads, "batch": batch,
    }  # fmt: skip
    return DeviceSpec(
        runtime=runtime or UNKNOWN,
        runtime_version=runtime_version or UNKNOWN,
        device=device or UNKNOWN,
        precision=precision or UNKNOWN,
        threads=threads or 1,
        batch=batch or 1,
        spin=False,
        graph_level=UNKNOWN,
        machine=Machine(machine or "an unknown machine", UNKNOWN, (), 1, None, UNKNOWN),
        unknown=(*(word for word in SETTINGS if given[word] is None), "spin", "graph_level", "machine"),
    )


def build_imported(
    spec: DeviceSpec,
    architecture: Mapping[str, Any],
    stated: Mapping[int, Mapping[str, float]],
    origin: str,
    created: str,
) -> LatencyTable:
    """Build a table that predicts a network as the plain sum of its layers.

    Args:
        spec: The device spec.
        architecture: The architecture.
        stated: The latency of each layer in ms, by the layer's key, for each resolution in pixels.
        origin: The source of the latencies.
        created: The time of the import: ISO 8601, in UTC.

    Raises:
        FormatError: Two resolutions state one layer more than ``LARGEST_RATIO`` apart.
    """
    costs, costs_at = split_costs(stated)
    return LatencyTable(
        spec=spec,
        architecture=dict(architecture),
        kit_id="",
        created=created,
        layers_ms=costs,
        costs_ms=costs,
        intercept_ms=0.0,
        resolutions=tuple(sorted(stated)),
        error=None,
        residuals=(),
        percentile_ratios={"50": 1.0},
        conditions=(),
        networks=(),
        costs_at=costs_at,
        origin=origin,
    )


def split_costs(
    stated: Mapping[int, Mapping[str, float]],
) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """Split stated latencies into those of all resolutions and those of single resolutions.

    Args:
        stated: The latency of each layer in ms, by the layer's key, for each resolution in pixels.

    Returns:
        The latencies of layers that every resolution states alike, and by resolution those of all other layers.

    Raises:
        FormatError: Two resolutions state one layer more than ``LARGEST_RATIO`` apart.
    """
    by_layer: dict[str, dict[int, float]] = {}
    for resolution, costs in sorted(stated.items()):
        for key, ms in costs.items():
            by_layer.setdefault(key, {})[resolution] = ms
    shared: dict[str, float] = {}
    own: dict[int, dict[str, float]] = {}
    for key, found in by_layer.items():
        low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
        if found[high] > LARGEST_RATIO * max(found[low], LEAST_MS):
            raise FormatError(
                f"layer {key} takes {found[low]:g} ms at {low} px and {found[high]:g} ms at {high} px, and it is the "
                "same layer: these are of different devices or units; import what is of one device, in milliseconds"
            )
        if found[low] == found[high]:
            shared[key] = found[low]
            continue
        for resolution, ms in found.items():
            own.setdefault(resolution, {})[key] = ms
    return shared, own
