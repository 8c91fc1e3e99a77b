import numpy as np
import pytest
from hypothesis import strategies as st

from latency_tables.measured_session import MeasuredSession
from latency_tables.measurement import Measurement
from tests.latency_tables.builders import make_item, make_session, random_generator

NS = st.lists(st.integers(1, 10**10), min_size=1, max_size=5)


def test_a_machine_that_slows_down_by_half_changes_nothing() -> None:
    steady = Measurement(make_item(), (make_session([500] * 9), make_session([510] * 9, 1)), 0.001)
    slower = make_session([765] * 9, 1, reference_ns=(1500, 1500))
    drifted = Measurement(make_item(), (make_session([500] * 9), slower), 0.001)
    assert drifted.latency_ms == pytest.approx(steady.latency_ms) == pytest.approx(0.000505)
    assert drifted.raw_median_ms > steady.raw_median_ms


def test_a_linear_drift_within_a_session_is_taken_out() -> None:
    session = make_session([1100] * 5, reference_ns=(1000, 1200))
    assert Measurement(make_item(), (session,), 0.001).latency_ms == pytest.approx(0.001)


def test_one_disturbed_session_of_three_does_not_move_the_latency() -> None:
    sessions = (make_session([1000] * 5), make_session([1010] * 5, 1), make_session([3000] * 50, 2))
    measurement = Measurement(make_item(), sessions, 0.001)
    assert measurement.latency_ms == pytest.approx(0.00101)
    assert any("sessions differ" in doubt for doubt in measurement.doubts)


def test_sessions_that_were_disturbed_unlike_agree_by_the_calls_that_were_left_alone() -> None:
    disturbed = [make_session([1000] * (9 - slow) + [1500] * slow, s) for s, slow in enumerate((0, 3, 5, 6))]
    measurement = Measurement(make_item(), tuple(disturbed), 0.001, median_to_p20_ratio=1.02)
    assert measurement.session_spread == 0
    assert measurement.latency_ms == pytest.approx(0.00102)
    assert measurement.session_percentile_ms(50) == pytest.approx(0.00125)


def test_the_interval_holds_the_latency_and_grows_with_the_sessions_spread() -> None:
    def interval(spread: int) -> tuple[float, float]:
        sessions = tuple(make_session([1000 + spread * s] * 9, s) for s in range(3))
        measurement = Measurement(make_item(), sessions, 0.001)
        low, high = measurement.interval(0.95, random_generator())
        assert low <= measurement.latency_ms <= high
        return low, high

    assert interval(50)[1] - interval(50)[0] > interval(5)[1] - interval(5)[0]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random_generator()
    covered = 0
    for _ in range(100):
        placements = 1 + 0.02 * rng.standard_normal(8)
        sessions = tuple(
            make_session((1e6 * p * (1 + 0.01 * rng.standard_normal(20))).astype(int).tolist(), s)
            for s, p in enumerate(placements)
        )
        low, high = Measurement(make_item(), sessions, 0.001).interval(0.9, rng)
        covered += low <= 1 <= high
    assert 80 <= covered <= 100


@pytest.mark.parametrize(
    ("sessions", "doubt"),
    [
        ((make_session([1000]),), "1 session only"),
        ((make_session([1000]), make_session([1000], 1, steady=False)), "did not settle"),
        ((make_session([1000]), make_session([1000], 1, (1000, 1300))), "speed changed by 26%"),
        (
            (make_session([1000]), make_session([1000], 1, flags=("the device stalled",))),
            "the device stalled",
        ),
    ],
)
def test_what_makes_a_latency_doubtful_is_said(sessions: tuple[MeasuredSession, ...], doubt: str) -> None:
    measurement = Measurement(make_item(), sessions, 0.001)
    assert not measurement.trusted
    assert doubt in "; ".join(measurement.doubts)


def test_what_one_session_of_many_met_is_no_doubt() -> None:
    disturbed = make_session([2000], 9, (1000, 1400), steady=False)
    sessions = (*(make_session([1000 + s], s) for s in range(9)), disturbed)
    assert Measurement(make_item(), sessions, 0.001).trusted
    assert not Measurement(make_item(), sessions[-3:], 0.001).trusted


def test_a_sound_measurement_is_trusted() -> None:
    measurement = Measurement(make_item(), (make_session([1000]), make_session([1005], 1)), 0.001)
    assert measurement.trusted
    assert measurement.mad_ms == pytest.approx(np.float64(2.5e-6))
