"""Validation: how wrong a table is for subnets that it never saw."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from compofa_deploy.architecture import Architecture
from compofa_deploy.cache import Cache
from compofa_deploy.graph.form import choose_form
from compofa_deploy.kit import build_network_kit
from compofa_deploy.profile import PLANS
from compofa_deploy.space import enumerate_compound, list_layers
from compofa_deploy.subnet import Subnet
from latency_tables.build import summarise_error
from latency_tables.errors import InputError
from latency_tables.fit import rank_correlation
from latency_tables.measurement import Measurement
from latency_tables.table import HeldOut, LatencyTable, MeasuredNetwork, Validation
from profilers.environment import read_conditions
from profilers.registry import spec_here
from profilers.runner import OnProgress, run_kit

CONFIDENCE = 0.9
"""Of the intervals whose coverage is counted."""
ANCHORS = 9
MIN_NETWORKS = 2
"""One has no rank."""


def validate(
    table: LatencyTable,
    cache: Cache,
    networks: int = 60,
    seed: int = 0,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure random subnets that did not calibrate the table, each twice, and give the table with what was found.

    :class:`MismatchError` where the table is not of this machine and runtime version. A run that was stopped goes on
    from its journal in the cache. ``mode`` is ``quick`` or ``full``.
    """
    table.spec.check_same(spec_here(table.spec), table.source)
    architecture = Architecture.from_dict(table.architecture)
    held_out = draw_held_out(table, networks, np.random.default_rng(seed))
    once = PLANS[mode]()
    twice = replace(once, network_sessions=2 * once.network_sessions)
    folder = Path(tempfile.mkdtemp(dir=cache.kits()))
    try:
        form = choose_form(table.spec.runtime, table.spec.precision)
        subnets = [*held_out, *(Subnet.parse(anchor.label) for anchor in choose_anchors(table))]
        kit = build_network_kit(architecture, subnets, table.resolutions, table.spec.batch, folder, form)
        journal = cache.journal(kit.kit_id, table.spec, f"validate-{mode}")
        measurements = run_kit(kit, table.spec, journal, twice, on_progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    validated = replace(table, validation=judge(table, held_out, measurements, seed))
    journal.unlink(missing_ok=True)
    return validated


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


def choose_anchors(table: LatencyTable) -> list[MeasuredNetwork]:
    """Networks that calibrate the table, from its fastest to its slowest: measured again, they say how fast the machine
    is now beside then. One network would not do, since not all of them gain and lose alike."""
    ranked = sorted(table.networks, key=lambda network: network.ms)
    places = np.linspace(0, len(ranked) - 1, min(ANCHORS, len(ranked)))
    return [ranked[round(place)] for place in places]


def judge(
    table: LatencyTable, held_out: Sequence[Subnet], measurements: Sequence[Measurement], seed: int
) -> Validation:
    """Compare predictions with measurements of the held-out subnets, and of the anchors behind them, of twice the
    sessions: the first half of them is what was measured, the second the same measurement done again. Both are scaled
    by the anchors to the machine's speed when the table was made."""
    architecture = Architecture.from_dict(table.architecture)
    predicted = np.array(
        [table.predict_ms(layer.key for layer in list_layers(architecture, subnet)) for subnet in held_out]
    )
    measured, anchors = measurements[: len(held_out)], measurements[len(held_out) :]
    then = [anchor.ms for anchor in choose_anchors(table)]
    now_and_then = [m.latency_ms / ms for m, ms in zip(anchors, then, strict=True)]
    speed = float(np.median(now_and_then)) if now_and_then else 1.0
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
        when=read_conditions().when,
        networks=tuple(
            HeldOut(subnet.id, *map(float, values))
            for subnet, *values in zip(held_out, predicted, first, second, strict=True)
        ),
    )


def _half(measurement: Measurement, part: int) -> float:
    """The latency by the first or second half of a measurement's sessions."""
    middle = len(measurement.visits) // 2
    return measurement.take(slice(middle, None) if part else slice(middle)).latency_ms
