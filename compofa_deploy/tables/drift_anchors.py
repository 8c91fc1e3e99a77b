"""Measuring beside anchors: latencies of now, at the machine's speed of when a table was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from compofa_deploy.graph.form import choose_form
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.kit_builder import build_network_kit
from compofa_deploy.tables.profile import name_run
from latency_tables.device import DeviceRequest
from latency_tables.measurement import Measurement
from latency_tables.scratch import scratch_folder
from latency_tables.table import LatencyTable, MeasuredNetwork
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress
from profilers.targets.device import Device

ANCHORS = 9


def choose_anchors(table: LatencyTable) -> list[MeasuredNetwork]:
    """Networks that calibrate the table, from its fastest to its slowest: measured again, they say how fast the machine
    is now beside then. One network would not do, since not all of them gain and lose alike."""
    ranked = sorted(table.networks, key=lambda network: network.ms)
    places = np.linspace(0, len(ranked) - 1, min(ANCHORS, len(ranked)))
    return [ranked[round(place)] for place in places]


def measure_beside_anchors(
    table: LatencyTable,
    subnets: Sequence[Subnet],
    device: Device,
    cache: Cache,
    plan: Plan,
    purpose: str,
    on_progress: OnProgress | None = None,
) -> tuple[list[Measurement], float]:
    """Measure subnets beside a table's anchors.

    A run of the same purpose that was stopped goes on from its journal.

    Args:
        table: The table.
        subnets: The subnets to measure.
        device: The device that the table is of.
        cache: Where the kit is built.
        plan: How long and how often to measure.
        purpose: A word for the run, as in ``validate``.
        on_progress: Called after each session.

    Returns:
        The measurements of the subnets, and the machine's speed: how much longer the anchors take now than when the
        table was made.

    Raises:
        MismatchError: The table is not of the device's machine and runtime version.
    """
    table.spec.check_same(device.find_spec(DeviceRequest.of(table.spec)), table.source)
    every = [*subnets, *(Subnet.parse(anchor.label) for anchor in choose_anchors(table))]
    distinct = list({subnet.id: subnet for subnet in every}.values())
    with scratch_folder("kit", cache.kits()) as folder:
        form = choose_form(table.spec.runtime, table.spec.precision)
        architecture = Architecture.from_dict(table.architecture)
        kit = build_network_kit(architecture, distinct, table.resolutions, table.spec.batch, folder, form)
        key = name_run(kit, table.spec, purpose)
        found = device.measure_kit(kit, table.spec, plan, key, on_progress).measurements
    device.forget_run(key)
    measured = {m.item.label: m for m in found}
    return [measured[subnet.id] for subnet in subnets], find_speed(table, measured.values())


def find_speed(table: LatencyTable, measurements: Iterable[Measurement]) -> float:
    """How much longer the table's anchors take than then, by measurements that have them; 1 where it has none."""
    now = {m.item.label: m.latency_ms for m in measurements}
    ratios = [now[anchor.label] / anchor.ms for anchor in choose_anchors(table)]
    return float(np.median(ratios)) if ratios else 1.0
