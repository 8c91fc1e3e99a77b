from pathlib import Path

import numpy as np
import pytest

from latency_tables.errors import FormatError, MeasurementError
from profilers.measuring.timing import sample, warm_up
from profilers.runtimes.fake import FakeModel, FakeRuntime, FakeWorld, derive_cost_ms
from tests.profilers.models import SHAPE
from tests.profilers.runtimes.contract import RuntimeContract

FEEDS = {"image": np.zeros(SHAPE, np.float32)}


class TestFakeRuntime(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> FakeRuntime:
        return FakeRuntime()

    @pytest.fixture
    def model(self) -> bytes:
        return FakeModel(("a", "b")).to_bytes()

    @pytest.fixture
    def layered(self) -> tuple[bytes, tuple[str, ...]]:
        return FakeModel(("a", "b"), (0.1, 0.9)).to_bytes(), ("0.a", "1.b")


def time_model(model: FakeModel, runtime: FakeRuntime, calls: int = 50) -> np.ndarray:
    with runtime.open(model.to_bytes(), runtime.spec()) as session:
        session.bind(FEEDS)
        warm_up(session.call, runtime.clock)
        limits = {"min_calls": calls, "min_ms": 0, "max_calls": calls, "max_ms": 1e9}
        return np.array(sample(session.call, runtime.clock, **limits).ns) / 1e6  # type: ignore[arg-type]


def test_a_model_comes_back_from_its_bytes() -> None:
    model = FakeModel(("a",), (0.5,), FakeWorld(drift=0.1, seed=3), (1, 3, 4, 4), 7, "hang", "/marker")
    assert FakeModel.from_bytes(model.to_bytes()) == model


def test_a_call_takes_the_true_latency() -> None:
    model = FakeModel(("a", "b"), (0.5, 0.25), FakeWorld(launch_ms=0.01, context=0.8, network_ms=0.1))
    assert model.true_ms == pytest.approx(0.01 + 0.1 + 0.8 * 0.75)
    assert time_model(model, FakeRuntime()) == pytest.approx(model.true_ms, rel=1e-3)


def test_costs_that_are_not_given_derive_from_the_key() -> None:
    assert FakeModel(("a",)).true_ms == pytest.approx(FakeWorld().launch_ms + derive_cost_ms("a"))
    assert 0.01 <= derive_cost_ms("a") <= 0.1


def test_the_first_calls_after_a_switch_are_slower() -> None:
    runtime = FakeRuntime()
    with runtime.open(FakeModel(("a",), (1.0,)).to_bytes(), runtime.spec()) as session:
        session.bind(FEEDS)
        limits = {"min_calls": 9, "min_ms": 0, "max_calls": 9, "max_ms": 1e9}
        ns = sample(session.call, runtime.clock, **limits).ns  # type: ignore[arg-type]
    assert ns[0] > 1.3 * ns[8]
    assert sorted(ns[:7], reverse=True) == list(ns[:7])


def test_each_kind_of_noise_is_seen() -> None:
    runtime = FakeRuntime()
    placed = FakeModel(("a",), (1.0,), FakeWorld(placement_noise=0.03))
    medians = [np.median(time_model(placed, runtime)) for _ in range(20)]
    assert 0.01 < np.std(medians) / np.mean(medians) < 0.06
    noisy = time_model(FakeModel(("a",), (1.0,), FakeWorld(call_noise=0.05)), runtime, 400)
    assert np.std(noisy) / np.mean(noisy) == pytest.approx(0.05, rel=0.2)
    outlying = time_model(FakeModel(("a",), (1.0,), FakeWorld(outlier_rate=0.1)), runtime, 400)
    assert 0.05 < np.mean(outlying > 3) < 0.15
    drifting = time_model(FakeModel(("a",), (1.0,), FakeWorld(drift=0.2, drift_period_ms=200)), runtime, 400)
    assert np.ptp(drifting) == pytest.approx(0.4, rel=0.05)


def test_it_fails_as_it_is_told_and_with_a_marker_only_once(tmp_path: Path) -> None:
    runtime, marker = FakeRuntime(), tmp_path / "failed"
    model = FakeModel(("a",), fault="error", fault_marker=str(marker))
    with runtime.open(model.to_bytes(), runtime.spec()) as session:
        with pytest.raises(MeasurementError, match="fake could not run the model: it was told to"):
            session.run(FEEDS)
        assert marker.exists()
        session.run(FEEDS)


@pytest.mark.parametrize(
    "change",
    [(b'"costs_ms": []', b'"costs_ms": [1]'), (b'"fault": ""', b'"fault": "x"'), (b'"drift"', b'"d"')],
)
def test_a_spoilt_model_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(FormatError, match="the fake model"):
        FakeModel.from_bytes(FakeModel(("a", "b")).to_bytes().replace(*change))
