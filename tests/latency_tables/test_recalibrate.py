"""A few networks bring an old table up to date, in a simulated world whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latency_tables.cache_contention import CacheContention
from latency_tables.design import group_layer
from latency_tables.errors import InputError, MismatchError
from latency_tables.measured_kit import MeasuredKit
from latency_tables.recalibrate import Run, choose_runs, recalibrate, scale_table
from latency_tables.table import LatencyTable
from profilers.measuring.kit import make_item, write_kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes.fake import FakeModel, FakeWorld
from profilers.runtimes.registry import find_runtime
from tests.latency_tables.builders import CONDITIONS, SPEC, make_measurement, make_table
from tests.latency_tables.builders import make_item as make_bare_item

STAGES = (16, 24, 40, 80)
KEYS = tuple(f"mbconv-8x{size}-{out}x{size}-m48-k3-s1-relu" for out in STAGES for size in (4, 8, 16))
RNG = np.random.default_rng(3)
COSTS = {key: float(ms) for key, ms in zip(KEYS, RNG.uniform(0.01, 0.1, len(KEYS)), strict=True)}
RUNS = [
    Run(8, tuple(key for i, key in enumerate(KEYS) for _ in range(int(RNG.integers(1, 4)) if i % 3 else 1)))
    for _ in range(60)
]
NOISY = FakeWorld(drift=0.1, drift_period_ms=700, placement_noise=0.01, call_noise=0.01, seed=5)
PLAN = Plan(network_sessions=5, min_calls=10, min_ms=1.0, reference_calls=9)


def make_old(**changes: object) -> LatencyTable:
    contention = CacheContention(0.0, 1e6, {key: 20_000 for key in KEYS})
    return make_table(
        **{
            "layers_ms": COSTS,
            "costs_ms": COSTS,
            "intercept_ms": 0.0,
            "cache_contention": contention,
            **changes,
        }
    )


def cost_now(key: str) -> float:
    """Everything takes 1.3 times as long as it did, and one stage a tenth more than that."""
    return COSTS[key] * 1.3 * (1.1 if group_layer(key) == "mbconv-80" else 1.0)


def measure(folder: Path, runs: list[Run]) -> MeasuredKit:
    def model(layers: tuple[str, ...]) -> FakeModel:
        return FakeModel(layers, tuple(map(cost_now, layers)), NOISY)

    models = [(f"network-{i}", "network", model(run.layers)) for i, run in enumerate(runs)]
    models.append(("reference", "reference", model(KEYS)))
    items = [
        (make_item(id, kind, m.to_bytes(), layers=m.layers, input_shape=(1, 3, 8, 8)), m.to_bytes())
        for id, kind, m in models
    ]
    kit = write_kit(folder, {"name": "tiny"}, items)
    return measure_kit(kit, find_runtime("fake").spec(), None, PLAN, in_process=True)


def test_ten_networks_find_out_what_changed_and_by_how_much_it_is_still_wrong(tmp_path: Path) -> None:
    # The drift of the simulated machine depends on its clock, which other tests have advanced.
    find_runtime("fake").elapsed_ns = 0.0  # type: ignore[attr-defined]
    old = make_old()
    chosen = choose_runs(old, RUNS, 10)
    new = recalibrate(old, (8,), measure(tmp_path, [RUNS[i] for i in chosen]))
    unseen = [run for i, run in enumerate(RUNS) if i not in chosen]
    truths = np.array([sum(map(cost_now, run.layers)) for run in unseen])

    def find_errors(table: LatencyTable) -> np.ndarray:
        # What the clock of a drifting device shows as a whole is off by some per cent: a factor on all.
        ratios = np.array([table.predict_ms(run.layers) for run in unseen]) / truths
        return np.asarray(np.abs(ratios / np.median(ratios) - 1))

    assert find_errors(new).mean() < 0.015
    assert find_errors(new).mean() < 0.7 * find_errors(old).mean()
    predicted = np.array([new.predict_ms(run.layers) for run in unseen])
    assert predicted == pytest.approx(truths, rel=0.05)
    assert np.mean(np.abs(truths / predicted - 1) <= new.margin(0.9)) >= 0.75
    assert new.error is not None
    assert (new.error.n, len(new.residuals), len(new.networks)) == (10, 10, 10)
    assert new.recalibrated_from == f"the latency table, of {SPEC.describe()}, made 2026-01-01"
    assert new.spec == find_runtime("fake").spec()
    assert "recalibrated by 10 networks" in new.describe_error()
    new.save(tmp_path / "new.json")
    assert LatencyTable.load(tmp_path / "new.json") == new


def make_measured(runs: list[Run], factor: float = 1.0, **changes: object) -> MeasuredKit:
    measurements = tuple(
        make_measurement(
            make_bare_item(f"n{i}", "network", run.layers), factor * sum(COSTS[key] for key in run.layers)
        )
        for i, run in enumerate(runs)
    )
    items = tuple(measurement.item for measurement in measurements)
    kit = MeasuredKit("k", {"name": "tiny"}, items, SPEC, {}, False, {}, (CONDITIONS,), measurements)
    return replace(kit, **changes)


def test_a_device_that_is_slower_in_everything_scales_the_table() -> None:
    new = recalibrate(make_old(), (8,), make_measured(RUNS[:6], factor=7.0))
    assert new.costs_ms == pytest.approx({key: 7 * ms for key, ms in COSTS.items()}, rel=1e-3)
    assert new.layers_ms == pytest.approx(scale_table(make_old(), 7).layers_ms, rel=1e-3)


def test_costs_of_one_resolution_are_kept_apart() -> None:
    own = {16: {KEYS[0]: 5 * COSTS[KEYS[0]]}}
    old = make_old(
        error=None, residuals=(), cache_contention=CacheContention(), costs_at=own, resolutions=(8, 16)
    )
    new = recalibrate(old, (8, 16), make_measured(RUNS[:6], factor=2.0))
    assert new.costs_at[16][KEYS[0]] == pytest.approx(10 * COSTS[KEYS[0]], rel=0.05)
    assert new.states_error
    assert recalibrate(old, (8,), make_measured(RUNS[:6])).costs_at == {}


def test_the_networks_that_are_chosen_differ_and_are_the_same_each_time() -> None:
    chosen = choose_runs(make_old(), RUNS, 10)
    assert len(set(chosen)) == 10
    assert chosen == choose_runs(make_old(), RUNS, 10)
    assert choose_runs(make_old(), RUNS, 4) == chosen[:4]


@pytest.mark.parametrize("count", [0, 2, 11])
def test_too_few_networks_or_more_than_ten_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"by 3 to 10 networks; {count} were asked for"):
        choose_runs(make_old(), RUNS, count)


def test_a_table_without_a_layer_that_is_needed_is_refused() -> None:
    with pytest.raises(MismatchError, match="has no layer elsewhere"):
        choose_runs(make_old(), [*RUNS, Run(8, ("elsewhere",))], 3)


def test_a_table_that_predicts_nothing_is_no_prior() -> None:
    with pytest.raises(InputError, match="nothing is that fast"):
        recalibrate(make_old(intercept_ms=-100.0), (8,), make_measured(RUNS[:4]))


def test_what_was_measured_on_an_emulated_cpu_recalibrates_nothing() -> None:
    emulated = replace(SPEC, machine=replace(SPEC.machine, emulated=True))
    with pytest.raises(MismatchError, match="emulated"):
        recalibrate(make_old(), (8,), make_measured(RUNS[:4], spec=emulated))


def test_two_networks_are_too_few_to_recalibrate_by() -> None:
    with pytest.raises(InputError, match="at least 3 networks; got 2"):
        recalibrate(make_old(), (8,), make_measured(RUNS[:2]))
