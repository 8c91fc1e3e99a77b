"""Noise: what a machine was seen to do, and what a comparison could tell on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.bench.measure_machine import measure_machine
from compofa_deploy.bench.noise import SCORED_S, Noise, describe_noise, find_regression
from compofa_deploy.export.export import Exported
from latency_tables.errors import MeasurementError
from profilers.measuring.paired_worker import Block
from profilers.targets.simulated import SimulatedDevice
from tests.compofa_deploy.bench.builders import make_fake_model, write_fake_bundle
from tests.latency_tables.builders import CONDITIONS, SPEC


def draw_blocks(between: float, within: float = 0.01, count: int = 40, seed: int = 0) -> list[Block]:
    """Blocks of two equal models of 1 ms whose sessions differ by ``between``, and whose calls by ``within``."""
    rng = np.random.default_rng(seed)

    def draw() -> tuple[int, ...]:
        level = 1e6 * np.exp(between * rng.standard_normal())
        return tuple((level * np.exp(within * np.abs(rng.standard_normal(20)))).astype(int).tolist())

    return [Block(draw(), draw(), bool(i % 2), ()) for i in range(count)]


def describe(blocks: list[Block], **changes: object) -> Noise:
    ended = np.linspace(1.5, 30, len(blocks)).tolist()
    spec = replace(SPEC, machine=replace(SPEC.machine, **changes))
    return describe_noise(spec, blocks, ended, (CONDITIONS, CONDITIONS), np.random.default_rng(0))


def test_a_quiet_machine_tells_less_than_a_noisy_one_would_hide() -> None:
    quiet, noisy = describe(draw_blocks(0.003)), describe(draw_blocks(0.15))
    assert quiet.score == "quiet"
    assert noisy.score == "noisy"
    assert quiet.fastest_spread < noisy.fastest_spread
    for one, other in zip(quiet.detectable, noisy.detectable, strict=True):
        assert one.regression is not None
        assert other.regression is None or one.regression < other.regression


def test_more_time_tells_finer_regressions() -> None:
    told = [entry.regression for entry in describe(draw_blocks(0.02)).detectable]
    assert all(told)
    assert told == sorted(told, reverse=True)
    assert told[-1] < told[0]


def test_a_time_has_the_pairs_that_fit_into_it() -> None:
    ten = next(entry for entry in describe(draw_blocks(0.01)).detectable if entry.seconds == SCORED_S)
    assert ten.blocks == pytest.approx((10 - 1.5 + 28.5 / 39) / (28.5 / 39), abs=1)


def test_a_regression_that_is_told_is_found_as_often_as_promised() -> None:
    rng, blocks = np.random.default_rng(1), 25
    ratios, spreads = 0.02 * rng.standard_normal(100), np.full(100, 0.01)
    told = find_regression(ratios, spreads, blocks, np.random.default_rng(0))
    assert told is not None
    # A median of 25 such blocks lies within 0.02 * 1.25 / 5 of the truth two times in three.
    assert 0.01 <= told <= 0.05


def test_what_offset_was_seen_between_equal_models_is_no_regression() -> None:
    ratios, spreads = 0.005 * np.random.default_rng(1).standard_normal(50), np.full(50, 0.01)
    one, other = (find_regression(r, spreads, 20, np.random.default_rng(0)) for r in (ratios, ratios + 0.1))
    assert one == other


def test_one_core_and_what_the_clock_did_are_doubts() -> None:
    blocks = [
        replace(block, flags=("the device stalled, or the clock jumped",)) for block in draw_blocks(0.01)
    ]
    assert describe(blocks, cores=1).doubts == (
        "there is one core: every other process delays the calls",
        "the device stalled, or the clock jumped",
    )
    assert describe(draw_blocks(0.01)).doubts == ()


def test_what_the_host_took_is_a_share_of_the_time() -> None:
    ended = np.linspace(1, 20, 40).tolist()
    conditions = [replace(CONDITIONS, steal_ms=ms) for ms in (100, 1100)]
    noise = describe_noise(SPEC, draw_blocks(0.01), ended, conditions, np.random.default_rng(0))
    assert noise.steal_share == pytest.approx(0.05)
    assert describe(draw_blocks(0.01)).steal_share is None


def test_disturbed_calls_are_counted() -> None:
    quiet = Block((10**6,) * 20, (10**6,) * 20, True, ())
    disturbed = Block((10**6,) * 10 + (2 * 10**6,) * 10, (10**6,) * 20, True, ())
    noise = describe([quiet, disturbed] * 8)
    assert noise.disturbed_share == pytest.approx(0.125)
    assert (noise.level_ms, noise.longest_ms) == pytest.approx((1, 2))


def test_it_is_measured_with_a_bundle(exported: Exported, tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path / "bundle", exported, make_fake_model(1.0))
    told: list[float] = []
    noise = measure_machine(folder, SimulatedDevice(), 0.5, np.random.default_rng(0), told.append)
    assert noise.level_ms == pytest.approx(1.0, rel=0.2)
    assert noise.blocks == len(told) >= 8
    assert noise.device.startswith("fake 1.0")
    assert noise.to_dict()["score"] == noise.score


def test_without_a_bundle_it_is_measured_with_the_baseline(simulated: SimulatedDevice) -> None:
    simulated.latency_ms = lambda label: 0.5
    noise = measure_machine(None, simulated, 0.2, np.random.default_rng(0), lambda seconds: None)
    assert noise.level_ms == pytest.approx(0.5, rel=0.01)
    assert noise.device.startswith("onnxruntime")


def test_a_bundle_that_does_not_run_is_one_error(exported: Exported, tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path / "bundle", exported, make_fake_model(fault="error"))
    with pytest.raises(MeasurementError, match="it was told to"):
        measure_machine(folder, SimulatedDevice(), 0.2, np.random.default_rng(0), lambda seconds: None)
