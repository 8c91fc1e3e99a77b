"""Measurements that were never taken."""

from __future__ import annotations

from latency_tables.measurement import Measurement
from tests.latency_tables.builders import make_item, make_measurement


def make_measured(label: str, ms: float) -> Measurement:
    """A measurement of a model that took ``ms`` each time."""
    return make_measurement(make_item(label), ms, sessions=5)
