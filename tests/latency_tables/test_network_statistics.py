"""The noise of networks is that of their sessions."""

import numpy as np
import pytest

from latency_tables.fit import RELATIVE_NOISE
from latency_tables.measurement import Measurement
from latency_tables.network_statistics import LEAST_NOISE, estimate_noise, measure_noise
from tests.latency_tables.builders import make_item, make_measurement, make_session


def test_the_noise_of_a_network_is_what_its_sessions_leave_open() -> None:
    levels = (0.94, 0.97, 1.0, 1.03, 1.06)
    sessions = tuple(make_session([round(1e6 * x)], s) for s, x in enumerate(levels))
    noisy = Measurement(make_item(), sessions, 0.001)
    expected = 1.2533 * np.std(np.log(levels), ddof=1) / np.sqrt(5)
    assert estimate_noise([noisy]) == pytest.approx(expected, rel=1e-4)
    assert estimate_noise([make_measurement(make_item(), 1.0, sessions=5)]) == LEAST_NOISE
    assert estimate_noise([make_measurement(make_item(), 1.0, sessions=1)]) == RELATIVE_NOISE


def test_the_noise_floor_is_how_far_two_sessions_lie_apart() -> None:
    sessions = tuple(make_session([round(1e6 * x)], s) for s, x in enumerate((0.99, 1.0, 1.01)))
    measurement = Measurement(make_item(), sessions, 0.001)
    assert measure_noise([measurement]) == pytest.approx(np.mean([0.01, 0.01, 0.02]), rel=1e-6)
    assert measure_noise([make_measurement(make_item(), 1.0, sessions=1)]) == 0
