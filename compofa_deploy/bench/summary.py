"""What is derived from a result's samples, one value for each thing that people and dashboards look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compofa_deploy.bench.result import Benched
from latency_tables.fields import Fields

CONFIDENCE = 0.95
PERCENTILES = (90.0, 95.0, 99.0, 99.9)
MIN_BEYOND = 10
"""A percentile is stated where at least so many samples lie beyond it: 100 in all for the 90th, 10,000 for the 99.9th.
With fewer it is the word of a handful of calls."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A bundle's numbers. Latencies are at the speed that the machine had over the run; ``low_ms`` and ``high_ms`` hold
    the median. ``percentiles_ms`` has those of :data:`PERCENTILES` that the samples allow. ``throughput_per_s`` are
    images, one batch behind the other. ``baseline_ratio`` is what a call that was left alone takes, by one of the
    baseline network.
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


def summarise(benched: Benched) -> Summary:
    """The same numbers each time: the interval is by a bootstrap that begins alike."""
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
    """The percentiles that so many samples allow.

    >>> list_allowed(99), list_allowed(1000)
    ((), (90.0, 95.0, 99.0))
    """
    # Rounded: 1000 * (1 - 0.99) is below 10 in floating point.
    return tuple(p for p in PERCENTILES if round(samples * (100 - p) / 100, 6) >= MIN_BEYOND)
