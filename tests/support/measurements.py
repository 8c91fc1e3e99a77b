"""Made-up measurements."""

from __future__ import annotations

from latency_tables.measurement import Measurement
from tests.latency_tables.builders import make_item, make_measurement


def make_measured(label: str, ms: float) -> Measurement:
    """Return a measurement of a model that took ``ms`` in each call."""
    return make_measurement(make_item(label), ms, sessions=5)
