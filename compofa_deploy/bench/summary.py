"""What is derived from the samples of a result: one value for each quantity that people and dashboards read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compofa_deploy.bench.result import BenchmarkedBundle
from latency_tables.field_rule import rule
from latency_tables.record import Record

CONFIDENCE = 0.95
PERCENTILES = (90.0, 95.0, 99.0, 99.9)
MIN_BEYOND = 10
"""A percentile is stated only where at least this many samples lie beyond it.

The 90th percentile needs 100 samples in all, and the 99.9th needs 10,000."""


@dataclass(frozen=True, slots=True)
class Summary(Record):
    """The numbers of one bundle. Latencies refer to the machine's mean speed during the run.

    Attributes:
        median_ms: The median call; ``low_ms`` and ``high_ms`` are its 95 % interval.
        mad_ms: The median absolute deviation of the calls.
        percentiles_ms: Those of :data:`PERCENTILES` that the samples allow.
        throughput_per_s: Images per second, with one batch after the other.
        baseline_ms: The baseline network's latency.
        baseline_ratio: The 20th percentile of the bundle's calls, divided by that of the baseline network.
        load_ms: The median time to load the model in a new process.
        memory_bytes: The median memory that loading takes; None where the system does not tell.
    """

    name: str
    subnet: str
    device: str
    spec_id: str
    median_ms: float
    low_ms: float
    high_ms: float
    mad_ms: float
    percentiles_ms: dict[str, float]
    throughput_per_s: float
    baseline_ms: float
    baseline_ratio: float
    load_ms: float
    memory_bytes: int | None
    size_bytes: int = field(metadata=rule(minimum=1))
    sessions: int = field(metadata=rule(minimum=1))
    samples: int = field(metadata=rule(minimum=1))
    doubts: tuple[str, ...]


def summarise(benched: BenchmarkedBundle) -> Summary:
    """The numbers of one bundle. The bootstrap's seed is fixed, so the same result gives the same numbers."""
    measurement, spec = benched.measurement, benched.spec
    samples = measurement.samples_ms()
    low, high = measurement.interval(CONFIDENCE, np.random.default_rng(0))
    memory = [load.memory_bytes for load in benched.loads if load.memory_bytes is not None]
    return Summary(
        name=benched.name,
        subnet=benched.subnet,
        device=spec.describe(),
        spec_id=spec.id,
        median_ms=measurement.session_percentile_ms(50),
        low_ms=low,
        high_ms=high,
        mad_ms=measurement.mad_ms,
        percentiles_ms={f"{p:g}": measurement.percentile(p) for p in list_allowed(len(samples))},
        throughput_per_s=1000 * spec.batch / float(samples.mean()),
        baseline_ms=measurement.reference_ms,
        baseline_ratio=float(np.exp(np.median(benched.log_ratios))),
        load_ms=float(np.median([load.load_ms for load in benched.loads])),
        memory_bytes=round(float(np.median(memory))) if memory else None,
        size_bytes=measurement.item.size_bytes,
        sessions=len(measurement.sessions),
        samples=len(samples),
        doubts=benched.doubts,
    )


def list_allowed(samples: int) -> tuple[float, ...]:
    """The percentiles that may be stated for this number of samples.

    >>> list_allowed(99), list_allowed(1000)
    ((), (90.0, 95.0, 99.0))
    """
    # Rounded: 1000 * (1 - 0.99) is below 10 in floating point.
    return tuple(p for p in PERCENTILES if round(samples * (100 - p) / 100, 6) >= MIN_BEYOND)
