"""The whole rule on simulated machines that drift, change their speed, and place every session elsewhere."""

from contextlib import closing, contextmanager

import numpy as np
import pytest

from compofa_deploy.bench import compare_models as paired
from compofa_deploy.bench.compare_models import (
    PILOT_CALLS,
    choose_calls,
    compare_models,
    iterate_blocks,
    read_blocks,
)
from compofa_deploy.bench.verdict import Verdict, allow_error, find_floor
from latency_tables.errors import WorkerDied
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.paired_worker import BURST_ORDER, Block
from profilers.runtimes.registry import find_runtime
from profilers.targets.device import TimedModel
from profilers.targets.simulated import SimulatedDevice
from tests.compofa_deploy.bench.builders import make_fake_model

SPEEDS = np.array([1.0, 1.19, 1.5])
"""A core by itself, shared by half, and more: as a virtual machine's host gives it."""
PLACEMENT = 0.011
CALLS = 8
LIMIT_S = 1e9
REAL_BLOCKS = 40
"""About as many as 9 s have room for, of a model of 1 to 2 ms."""


class SimulatedMachine:
    """Its speed changes from burst to burst, drifts, and now and then it is away for a second."""

    def __init__(self, rng, busy=0.1):
        self.rng, self.busy, self.speed, self.moment = rng, busy, 1.0, rng.uniform(0, 100)

    def call(self, ms, count):
        if self.rng.random() < self.busy:
            self.speed = self.rng.choice(SPEEDS, p=[0.6, 0.3, 0.1])
        self.moment += 1
        drift = 1 + 0.1 * np.sin(self.moment / 200)
        samples = ms * self.speed * drift * (1 + np.abs(self.rng.standard_normal(count)) * 0.1)
        samples[:3] *= (1.5, 1.3, 1.1)
        samples[self.rng.random(count) < 0.01] *= 5
        if self.rng.random() < 0.0005:
            samples[-1] += 1000
        return (samples * 1e6).astype(int).tolist()

    def blocks(self, slower):
        while True:
            new_first = bool(self.rng.integers(2))
            ms = np.exp(PLACEMENT * self.rng.standard_normal(2)) * ([slower, 1] if new_first else [1, slower])
            took = [[], []]
            for turn in BURST_ORDER:
                took[turn] += self.call(ms[turn], CALLS)
            old, new = took[::-1] if new_first else took
            yield Block(tuple(old), tuple(new), new_first, ())


PILOT = Block((10**6,) * 24, (10**6,) * 24, True, ())


class BusyDevice(SimulatedDevice):
    """A device on such a machine, whose new models are so much slower."""

    def __init__(self, machine, slower):
        super().__init__()
        self.blocks = machine.blocks(slower)

    @contextmanager
    def compare_models_impl(self, old, new):
        yield lambda new_first, calls: PILOT if calls == PILOT_CALLS else next(self.blocks)


@pytest.fixture
def compare(monkeypatch):
    """Compares two models of which one is so much slower, on a machine that is drawn by a seed."""
    monkeypatch.setattr(paired, "MAX_BLOCKS", REAL_BLOCKS)
    model = TimedModel(ModelFiles(b""), find_runtime("fake").spec())

    def run(slower, seed, busy=0.1, models=1):
        rng = np.random.default_rng(seed)
        device = BusyDevice(SimulatedMachine(rng, busy), slower)
        drawn = np.random.default_rng(0)
        return compare_models("model", model, model, device, 0.03, LIMIT_S, allow_error(models), drawn)

    return run


def count(compare, verdict, slower, seeds, **how):
    return sum(compare(slower, seed, **how).verdict is verdict for seed in range(seeds))


def test_equal_models_are_hardly_ever_called_slower_or_faster(compare):
    found = [compare(1.0, seed).verdict for seed in range(200)]
    assert found.count(Verdict.SLOWER) + found.count(Verdict.FASTER) <= 2
    assert found.count(Verdict.SAME) >= 190


def test_a_regression_of_the_limit_is_found(compare):
    assert count(compare, Verdict.SLOWER, 1.03, 100) >= 95


def test_a_large_regression_is_found_always_and_sooner(compare):
    found = [compare(1.1, seed) for seed in range(30)]
    assert all(comparison.verdict is Verdict.SLOWER for comparison in found)
    assert np.median([comparison.blocks for comparison in found]) < REAL_BLOCKS / 2


def test_a_regression_of_the_floor_fails_no_build(compare):
    assert count(compare, Verdict.SLOWER, 1 + find_floor(0.03), 100) <= 2


def test_a_very_busy_machine_makes_no_false_alarm(compare):
    found = [compare(1.0, seed, busy=0.9).verdict for seed in range(60)]
    assert found.count(Verdict.SLOWER) + found.count(Verdict.FASTER) <= 1


def test_with_many_models_each_needs_more(compare):
    one, ten = (compare(1.0, 3, models=models) for models in (1, 10))
    assert ten.high / ten.low > one.high / one.low


def make_block(old, new):
    return Block(tuple(old), tuple(new), True, ())


def test_of_a_session_counts_the_fastest_call():
    ratios, _ = read_blocks([make_block([100, 900, 200], [110, 110, 5000])])
    assert np.exp(ratios) == pytest.approx([1.1])


def test_the_spread_does_not_depend_on_which_model_is_slower(rng):
    old, new = rng.integers(1000, 2000, (2, 32))
    (_, one), (_, other) = read_blocks([make_block(old, new)]), read_blocks([make_block(old, new * 7)])
    (_, turned) = read_blocks([make_block(new, old)])
    assert other == pytest.approx(one)
    assert turned == pytest.approx(one)


@pytest.mark.parametrize(("call_ms", "calls"), [(1.75, 8), (0.001, 400), (1000.0, 6)])
def test_a_burst_is_some_milliseconds_within_bounds(call_ms, calls):
    assert choose_calls(make_block([int(call_ms * 1e6)] * 4, [int(call_ms * 1e6)] * 4)) == calls


def test_blocks_come_from_fresh_sessions_of_both_in_an_order_that_is_drawn(rng):
    spec = find_runtime("fake").spec()
    old, new = (TimedModel(ModelFiles(make_fake_model(slower).to_bytes()), spec) for slower in (1.0, 2.0))
    with closing(iterate_blocks(old, new, SimulatedDevice(), rng)) as stream:
        found = [next(stream) for _ in range(16)]
    assert {block.new_first for block in found} == {True, False}
    ratios, _ = read_blocks(found)
    assert np.exp(np.median(ratios)) == pytest.approx(2, rel=0.02)
    assert len(set(ratios)) == 16
    calls = choose_calls(found[0])
    assert len(found[0].old_ns) == len(found[0].new_ns) == calls * BURST_ORDER.count(0)


def test_a_measuring_process_that_dies_once_is_replaced(rng):
    with closing(iterate_blocks(*make_pair(), DyingDevice(1), rng)) as stream:  # type: ignore[call-arg]
        assert next(stream).old_ns
    with pytest.raises(WorkerDied), closing(iterate_blocks(*make_pair(), DyingDevice(2), rng)) as stream:  # type: ignore[call-arg]
        next(stream)


def make_pair():
    model = TimedModel(ModelFiles(make_fake_model().to_bytes()), find_runtime("fake").spec())
    return model, model


class DyingDevice(SimulatedDevice):
    """A device whose measuring process dies for the first so many blocks."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    @contextmanager
    def compare_models_impl(self, old, new):
        with super().compare_models_impl(old, new) as measure_block:

            def measure(new_first, calls):
                if self.times:
                    self.times -= 1
                    raise WorkerDied("the measuring process was ended by signal 9")
                return measure_block(new_first, calls)

            yield measure
