"""Results of bundles that were never measured, and a baseline for the fake runtime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compofa_deploy.bench.result import BenchmarkedBundle, BenchResult
from latency_tables.device import DeviceSpec
from latency_tables.item import Item
from latency_tables.measured_kit import MeasuredKit, hash_kit
from latency_tables.measurement import Measurement
from profilers.measuring.kit import make_item
from profilers.measuring.load_cost import Load
from profilers.runtimes.fake import FakeModel
from tests.latency_tables.builders import CONDITIONS, SPEC, make_session

BASELINE = FakeModel(("baseline",), (0.5,))
BASELINE_NS = 500_000


def make_fake_baseline(spec: DeviceSpec) -> tuple[Item, bytes]:
    """Stands for :func:`compofa_deploy.bench.baseline.make_baseline` on the fake runtime."""
    data = BASELINE.to_bytes()
    return make_item("reference", "reference", data, layers=("baseline",)), data


def make_result(
    *names: str,
    ms: float = 1.0,
    noise: float = 0.01,
    seed: int = 0,
    sessions: int = 10,
    calls: int = 20,
    spec: DeviceSpec = SPEC,
    speed: float = 1.0,
) -> BenchResult:
    """A result of bundles that all take ``ms`` on a machine of a ``speed``, with sessions that differ by ``noise``."""
    rng = np.random.default_rng(seed)
    baseline = make_fake_baseline(spec)[0]
    items = {
        name: replace(baseline, id=f"b-{name}", file=f"models/{name}", kind="network", label=name)
        for name in names
    }
    every = (baseline, *items.values())
    reference = (round(BASELINE_NS / speed),) * 2
    measurements = []
    for item in items.values():
        levels = ms * 1e6 / speed * np.exp(noise * rng.standard_normal(sessions))
        measured = tuple(
            make_session([round(level)] * calls, session, reference, item=item.id)
            for session, level in enumerate(levels)
        )
        measurements.append(Measurement(item, measured, reference[0] / 1e6))
    kit = MeasuredKit(
        hash_kit({}, every), {}, every, spec, {}, False, {"python": "3"}, (CONDITIONS,) * 2, tuple(measurements)
    )  # fmt: skip
    loads = (Load(20.0, 5_000_000), Load(22.0, 6_000_000), Load(30.0, 7_000_000))
    bundles = tuple(BenchmarkedBundle(name, "23432@16", loads, kit, item.id) for name, item in items.items())
    return BenchResult(CONDITIONS.when, "abc", "compofa bench run", bundles)
