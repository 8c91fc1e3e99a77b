"""What is derived from the samples of a result: one value for each quantity that people and dashboards read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compofa_deploy.bench.result import BenchmarkedBundle
from latency_tables.fields import Fields

CONFIDENCE = 0.95
PERCENTILES = (90.0, 95.0, 99.0, 99.9)
MIN_BEYOND = 10
"""A percentile is stated only where at least this many samples lie beyond it.

The 90th percentile needs 100 samples in all, and the 99.9th needs 10,000."""


@dataclass(frozen=True, slots=True)
class Summary:
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
    size_bytes: int
    sessions: int
    samples: int
    doubts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {**asdict(self), "doubts": list(self.doubts)}

    @classmethod
    def from_dict(cls, data: Any, where: str = "the summary") -> Summary:
        """Read what :meth:`to_dict` wrote; :class:`FormatError` names the field that is wrong."""
        read = Fields(data, where)
        memory = None if read.value("memory_bytes") is None else read.integer("memory_bytes")
        return cls(
            name=read.text("name"),
            subnet=read.text("subnet"),
            device=read.text("device"),
            spec_id=read.text("spec_id"),
            median_ms=read.number("median_ms"),
            low_ms=read.number("low_ms"),
            high_ms=read.number("high_ms"),
            mad_ms=read.number("mad_ms"),
            percentiles_ms=read.number_map("percentiles_ms"),
            throughput_per_s=read.number("throughput_per_s"),
            baseline_ms=read.number("baseline_ms"),
            baseline_ratio=read.number("baseline_ratio"),
            load_ms=read.number("load_ms"),
            memory_bytes=memory,
            size_bytes=read.integer("size_bytes", minimum=1),
            sessions=read.integer("sessions", minimum=1),
            samples=read.integer("samples", minimum=1),
            doubts=read.texts("doubts"),
        )


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
        sessions=len(measurement.visits),
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
