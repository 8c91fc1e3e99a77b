from collections.abc import Callable

import pytest

from latency_tables.errors import MeasurementError
from profilers.machine.clock import now_ns, read_time
from profilers.measuring.timing import MAX_WARM_UP_CALLS, MIN_WARM_UP_CALLS, sample, warm_up

MS = 1_000_000
LIMITS = {"min_calls": 10, "min_ms": 5.0, "max_calls": 100, "max_ms": 50.0}


class Ticker:
    """A call whose durations, in ns, are given one by one; the last one goes on."""

    def __init__(self, durations: list[int]) -> None:
        self.durations, self.now, self.calls = durations, 0, 0

    def __call__(self) -> None:
        self.now += self.durations[min(self.calls, len(self.durations) - 1)]
        self.calls += 1

    @property
    def clock(self) -> Callable[[], int]:
        return lambda: self.now


def take(ticker: Ticker) -> tuple[tuple[int, ...], tuple[str, ...]]:
    samples = sample(ticker, ticker.clock, **LIMITS)  # type: ignore[arg-type]
    return samples.ns, samples.flags


def test_a_call_that_is_steady_from_the_start_is_warmed_up_by_the_minimum() -> None:
    warmed = warm_up(ticker := Ticker([MS]), ticker.clock)
    assert (warmed.calls, warmed.steady) == (MIN_WARM_UP_CALLS, True)


def test_warming_up_goes_on_until_three_calls_agree() -> None:
    falling = [MS * (100 - 3 * i) // 100 for i in range(20)]
    warmed = warm_up(ticker := Ticker([*falling, MS // 3]), ticker.clock)
    assert (warmed.calls, warmed.steady) == (23, True)


def test_short_calls_are_judged_by_windows_of_many() -> None:
    jitter = [10_000, 10_400] * 200
    warmed = warm_up(ticker := Ticker(jitter), ticker.clock)
    assert warmed.steady
    assert warmed.calls > 3 * MIN_WARM_UP_CALLS


def test_a_call_that_never_settles_ends_warming_up_and_says_so() -> None:
    short = warm_up(ticker := Ticker([MS // 2, MS] * 5000), ticker.clock)
    assert (short.calls, short.steady) == (MAX_WARM_UP_CALLS, False)
    long = warm_up(ticker := Ticker([100 * MS, 200 * MS] * 50), ticker.clock)
    assert (long.calls, long.steady) == (MIN_WARM_UP_CALLS, False)


def test_sampling_keeps_on_for_both_minima() -> None:
    assert len(take(Ticker([MS // 10]))[0]) == 50
    assert len(take(Ticker([MS]))[0]) == 10


def test_sampling_stops_at_either_maximum() -> None:
    assert len(take(Ticker([1000]))[0]) == 100
    assert len(take(Ticker([20 * MS]))[0]) == 3


def test_a_stall_is_kept_and_flagged() -> None:
    ns, flags = take(Ticker([MS, MS, MS, MS // 2, 1000 * MS, MS]))
    assert 1000 * MS in ns
    assert flags == ("the device stalled, or the clock jumped",)


def test_a_clock_that_goes_back_is_flagged_and_its_times_left_out() -> None:
    ns, flags = take(Ticker([MS, MS, -5 * MS, MS]))
    assert min(ns) > 0
    assert flags == ("the clock went back or stood still",)


def test_a_clock_that_stands_still_is_an_error() -> None:
    with pytest.raises(MeasurementError, match="clock did not advance"):
        take(Ticker([0]))


def test_the_clock_is_monotonic_and_the_time_of_day_is_utc() -> None:
    assert now_ns() <= now_ns()
    assert read_time().endswith("+00:00")


def test_a_device_that_times_itself_is_believed_rather_than_the_clock() -> None:
    ticker = Ticker([MS])

    def call() -> int:
        ticker()
        return 250_000

    samples = sample(call, ticker.clock, **LIMITS)  # type: ignore[arg-type]
    assert set(samples.ns) == {250_000}
    assert len(samples.ns) == 10
    assert warm_up(call, ticker.clock).steady
