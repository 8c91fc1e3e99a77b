"""Validation: how wrong a table is for subnets that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import enumerate_compound, list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.drift_anchors import measure_beside_anchors
from compofa_deploy.tables.profile import PLANS
from latency_tables.errors import InputError
from latency_tables.fit import rank_correlation
from latency_tables.measurement import Measurement
from latency_tables.network_statistics import summarise_error
from latency_tables.table import LatencyTable
from latency_tables.validation import HeldOut, Validation
from profilers.machine.clock import read_time
from profilers.measuring.runner import OnProgress
from profilers.targets.device import Device

CONFIDENCE = 0.9
"""Of the intervals whose coverage is counted."""
MIN_NETWORKS = 2
"""One has no rank."""


def validate(
    table: LatencyTable,
    device: Device,
    cache: Cache,
    networks: int = 60,
    seed: int = 0,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure random subnets that did not calibrate the table, each twice.

    A run that was stopped goes on from its journal.

    Args:
        table: The table.
        device: The device that the table is of.
        cache: Where the kit is built.
        networks: How many subnets to measure.
        seed: Which subnets are drawn.
        mode: How thoroughly to measure, ``quick`` or ``full``.
        on_progress: Called after each session.

    Returns:
        The table with the result of the validation.

    Raises:
        InputError: The table leaves fewer subnets than that.
        MismatchError: The table is not of the device's machine and runtime version.
    """
    held_out = draw_held_out(table, networks, np.random.default_rng(seed))
    once = PLANS[mode]()
    twice = replace(once, network_sessions=2 * once.network_sessions)
    measured, speed = measure_beside_anchors(
        table, held_out, device, cache, twice, f"validate-{mode}", on_progress
    )
    return replace(table, validation=judge(table, held_out, measured, speed, seed))


def draw_held_out(table: LatencyTable, count: int, rng: np.random.Generator) -> list[Subnet]:
    """Random compound subnets at the table's resolutions, none of which calibrates it."""
    used = {network.label for network in table.networks}
    unseen = [
        subnet
        for resolution in table.resolutions
        for subnet in enumerate_compound(resolution)
        if subnet.id not in used
    ]
    if not MIN_NETWORKS <= count <= len(unseen):
        raise InputError(f"{count} networks cannot be held out; ask for {MIN_NETWORKS} to {len(unseen)}")
    return [unseen[i] for i in rng.choice(len(unseen), count, replace=False)]


def judge(
    table: LatencyTable,
    held_out: Sequence[Subnet],
    measured: Sequence[Measurement],
    speed: float,
    seed: int,
) -> Validation:
    """Compare predictions with measurements of twice the sessions: the first half of them is what was measured, the
    second the same measurement done again. Both are divided by ``speed``, what the machine took longer than when the
    table was made."""
    architecture = Architecture.from_dict(table.architecture)
    predicted = np.array(
        [table.predict_ms(layer.key for layer in list_layers(architecture, subnet)) for subnet in held_out]
    )
    first, second = (np.array([_half(m, part) for m in measured]) / speed for part in (0, 1))
    noise = float(np.mean(np.abs(second - first) / ((first + second) / 2)))
    return Validation(
        error=summarise_error(predicted, first, noise),
        noise_rank_correlation=rank_correlation(first, second),
        bias=float(np.median(predicted / first)) - 1,
        speed=speed,
        coverage=float(np.mean(np.abs(first / predicted - 1) <= table.margin(CONFIDENCE))),
        confidence=CONFIDENCE,
        seed=seed,
        when=read_time(),
        networks=tuple(
            HeldOut(subnet.id, *map(float, values))
            for subnet, *values in zip(held_out, predicted, first, second, strict=True)
        ),
    )


def _half(measurement: Measurement, part: int) -> float:
    """The latency by the first or second half of a measurement's sessions."""
    middle = len(measurement.sessions) // 2
    return measurement.take(slice(middle, None) if part else slice(middle)).latency_ms
