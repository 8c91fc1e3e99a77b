"""Values to test with, each complete and valid."""

from __future__ import annotations

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.item import Item
from latency_tables.machine import Conditions, Machine
from latency_tables.measured_session import MeasuredSession
from latency_tables.measurement import Measurement
from latency_tables.table import LatencyTable, MeasuredNetwork
from latency_tables.validation import ErrorSummary

MACHINE = Machine("A CPU", "x86_64", ("avx2", "fma"), 4, None, "Linux")
SPEC = DeviceSpec("fake", "1.0", "cpu", "f32", 1, 1, True, "all", MACHINE)
CONDITIONS = Conditions("2026-01-01T00:00:00+00:00", 0.5, 2600.0, None, 0, 1 << 30)


def make_item(
    id: str = "a", kind: str = "network", layers: tuple[str, ...] = ("x",), size: int = 1000
) -> Item:
    return Item(id, kind, f"models/{id}.onnx", "0" * 64, (1, 3, 8, 8), layers, id, size)


def make_session(
    samples_ns: list[int], number: int = 0, reference_ns: tuple[int, int] = (1000, 1000), **changes: object
) -> MeasuredSession:
    fields = {
        "item": "a", "number": number, "samples_ns": tuple(samples_ns),
        "reference_before_ns": (reference_ns[0],) * 3, "reference_after_ns": (reference_ns[1],) * 3,
        "warm_up_calls": 8, "steady": True, "flags": (), "when": CONDITIONS.when,
    }  # fmt: skip
    return MeasuredSession(**{**fields, **changes})  # type: ignore[arg-type]


def make_measurement(item: Item, ms: float, sessions: int = 2) -> Measurement:
    """A measurement whose every sample is ``ms``."""
    measured = tuple(
        make_session([round(ms * 1e6)] * 5, s, (10**6, 10**6), item=item.id) for s in range(sessions)
    )
    return Measurement(item, measured, reference_ms=1.0)


def make_table(**changes: object) -> LatencyTable:
    fields = {
        "spec": SPEC,
        "architecture": {"name": "tiny", "resolutions": [8]},
        "kit_id": "0123456789ab",
        "created": CONDITIONS.when,
        "layers_ms": {"x": 0.1, "y": 0.2},
        "costs_ms": {"x": 0.11, "y": 0.19},
        "intercept_ms": -0.01,
        "resolutions": (8,),
        "error": ErrorSummary(0.01, 1.0, 1.0, 0.99, 3, 0.005),
        "residuals": (0.01, -0.02, 0.005),
        "percentile_ratios": {"50": 1.0, "90": 1.1, "95": 1.2, "99": 1.5},
        "conditions": (CONDITIONS,),
        "networks": (MeasuredNetwork("22222@8", ("x", "y"), 0.3),),
    }
    return LatencyTable(**{**fields, **changes})  # type: ignore[arg-type]


def random_generator() -> np.random.Generator:
    return np.random.default_rng(0)
