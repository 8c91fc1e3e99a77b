import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.drift import estimate_drift
from latency_tables.measured_session import MeasuredSession
from tests.latency_tables.builders import make_session

ITEMS = tuple(f"n{i}" for i in range(10))


def make_run(
    speeds: list[float], timings: list[float], noise: float = 0.0, sharing: int = 1
) -> list[MeasuredSession]:
    """Sessions of ten items in turn, when the machine takes ``speeds`` (n,) times as long.

    The reference timings around them see ``timings`` (n + 1,) instead; ``sharing`` sessions in a row share two.
    """
    rng = np.random.default_rng(0)
    sessions = []
    for i, speed in enumerate(speeds):
        ms = (1 + i % 10) * speed * np.exp(noise * rng.standard_normal())
        first = i // sharing * sharing
        around = (round(1e6 * timings[first]), round(1e6 * timings[min(first + sharing, len(speeds))]))
        sessions.append(make_session([round(1e6 * ms)] * 3, i // 10, around, item=ITEMS[i % 10]))
    return sessions


def test_on_a_machine_that_drifts_the_nearest_reference_timings_count() -> None:
    speeds = [1 + 0.2 * np.sin(i / 3) for i in range(101)]
    drift = estimate_drift(make_run(speeds[:100], speeds))
    assert np.abs(np.array(drift.references_ns) / 1e6 / speeds[:100] - 1).max() < 0.05
    assert drift.reference_ns == pytest.approx(1e6, rel=0.02)


def test_on_a_steady_machine_many_reference_timings_outvote_those_that_were_off() -> None:
    timings = [1.3 if i % 7 == 3 else 1 + 0.01 * np.sin(10 * i) for i in range(101)]
    drift = estimate_drift(make_run([1.0] * 100, timings, noise=0.005))
    references = np.array(drift.references_ns) / 1e6
    assert np.abs(references - 1).max() < 0.015
    assert drift.reference_ns == pytest.approx(1e6, rel=0.01)


def test_a_slow_drift_is_followed_through_noisy_reference_timings() -> None:
    speeds = [1 + 0.001 * i for i in range(201)]
    timings = (np.array(speeds) * np.exp(0.03 * np.random.default_rng(1).standard_normal(201))).tolist()
    references = np.array(estimate_drift(make_run(speeds[:200], timings, noise=0.005)).references_ns) / 1e6
    assert np.abs(references / speeds[:200] - 1).mean() < 0.01


def test_a_reference_timing_that_serves_many_sessions_counts_once() -> None:
    # Four sessions between each two reference timings, most of which saw 1.0.
    timings = [1.0 + 0.1 * (i >= 32) + 0.0001 * i for i in range(41)]
    drift = estimate_drift(make_run([1.0] * 40, timings, sharing=4))
    assert drift.reference_ns == pytest.approx(1e6 * np.median(timings[::4]), rel=1e-6)


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=40))
def test_the_estimate_stays_within_the_reference_timings(speeds: list[float]) -> None:
    drift = estimate_drift(make_run(speeds, [*speeds, speeds[-1]]))
    assert len(drift.references_ns) == len(speeds)
    assert all(0.49e6 <= reference <= 2.01e6 for reference in drift.references_ns)
