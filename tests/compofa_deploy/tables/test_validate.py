"""Validation says how wrong a table is, for subnets that it never saw, beside the noise of the same run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.drift_anchors import choose_anchors
from compofa_deploy.tables.validate import draw_held_out, judge, validate
from latency_tables.errors import InputError, MismatchError
from latency_tables.measurement import Measurement
from latency_tables.table import LatencyTable, MeasuredNetwork
from profilers.measuring.runner import Progress
from profilers.targets.local import LocalDevice
from profilers.targets.simulated import SimulatedDevice
from tests.latency_tables.builders import make_item, make_session
from tests.support.supernets import TINY, make_table

SESSIONS = 4


def make_measurements(truths_ms: list[float], second: float = 1.0) -> list[Measurement]:
    """Networks that took what is said in the first half of their sessions, and ``second`` times that in the second."""
    found = []
    for number, ms in enumerate(truths_ms):
        factors = [1.0] * (SESSIONS // 2) + [second] * (SESSIONS // 2)
        sessions = tuple(
            make_session([round(ms * factor * 1e6)] * 5, session, (10**6, 10**6))
            for session, factor in enumerate(factors)
        )
        found.append(Measurement(make_item(f"n{number}"), sessions, reference_ms=1.0))
    return found


def predict(table: LatencyTable, subnets: Sequence[Subnet]) -> list[float]:
    return [table.predict_ms(layer.key for layer in list_layers(TINY, subnet)) for subnet in subnets]


def test_no_network_that_calibrates_is_held_out() -> None:
    every = [subnet.id for subnet in draw_held_out(make_table(networks=()), 486, np.random.default_rng(0))]
    assert len(set(every)) == 486
    table = make_table(networks=tuple(MeasuredNetwork(label, (), 1.0) for label in every[:400]))
    held_out = draw_held_out(table, 86, np.random.default_rng(1))
    assert {subnet.id for subnet in held_out} == set(every[400:])


def test_the_seed_decides_which_are_held_out() -> None:
    table = make_table()
    first, again, other = (draw_held_out(table, 10, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("count", [0, 1, 487])
def test_more_networks_than_there_are_or_too_few_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} networks cannot be held out; ask for 2 to 486"):
        draw_held_out(make_table(networks=()), count, np.random.default_rng(0))


def test_a_table_that_is_right_has_no_error() -> None:
    table = make_table()
    held_out = draw_held_out(table, 20, np.random.default_rng(0))
    measured = make_measurements(predict(table, held_out))
    found = judge(table, held_out, measured, 1.0, 0)
    assert found.error.mape == pytest.approx(0, abs=1e-4)
    assert (found.error.within_5, found.error.within_10, found.coverage) == (1, 1, 1)
    assert found.error.noise_floor == pytest.approx(0, abs=1e-4)
    assert found.error.rank_correlation > 0.999
    assert [network.label for network in found.networks] == [subnet.id for subnet in held_out]


def test_a_machine_that_is_slower_than_when_the_table_was_made_is_no_error() -> None:
    table = make_table()
    held_out = draw_held_out(table, 20, np.random.default_rng(0))
    truths = [1.3 * ms for ms in predict(table, held_out)]
    found = judge(table, held_out, make_measurements(truths), 1.3, 0)
    assert found.speed == 1.3
    assert found.error.mape == pytest.approx(0, abs=1e-3)
    assert found.networks[0].first_ms == pytest.approx(found.networks[0].predicted_ms, rel=1e-3)


def test_error_bias_coverage_and_noise_are_what_they_are_called() -> None:
    table = make_table()
    held_out = draw_held_out(table, 20, np.random.default_rng(0))
    off = [1.01] * 14 + [1.08] * 6
    truths = [ms * factor for ms, factor in zip(predict(table, held_out), off, strict=True)]
    measured = make_measurements(truths, second=1.02)
    found = judge(table, held_out, measured, 1.0, 3)
    assert found.error.mape == pytest.approx(0.7 * 0.01 / 1.01 + 0.3 * 0.08 / 1.08, rel=1e-2)
    assert (found.error.within_5, found.error.within_10) == pytest.approx((0.7, 1.0))
    assert found.bias == pytest.approx(1 / 1.01 - 1, rel=1e-2)
    assert found.coverage == pytest.approx(0.7)
    assert found.error.noise_floor == pytest.approx(0.02 / 1.01, rel=1e-2)
    assert (found.error.n, found.seed, found.confidence) == (20, 3, 0.9)


@pytest.fixture
def table(spec) -> LatencyTable:
    return make_table(spec=spec)


def test_what_was_found_is_put_into_the_table_and_the_run_is_cleaned_up(
    table: LatencyTable, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    simulated.latency_ms = lambda label: 1.0
    validated = validate(table, simulated, Cache(tmp_path), networks=4, seed=5, mode="quick")
    assert validated.validation is not None
    assert replace(validated, validation=None) == table
    held_out = [network.label for network in validated.validation.networks]
    anchors = [anchor.label for anchor in choose_anchors(table)]
    assert simulated.measured == [[*held_out, *anchors]]
    # What was measured is told at the machine's speed of when the table was made.
    first_ms = [network.first_ms * validated.validation.speed for network in validated.validation.networks]
    assert first_ms == pytest.approx([1.0] * 4, rel=1e-3)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    validated.save(tmp_path / "table.json")
    assert LatencyTable.load(tmp_path / "table.json") == validated


def test_each_subnet_is_measured_twice(
    table: LatencyTable, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    validate(table, simulated, Cache(tmp_path), networks=2, mode="quick", on_progress=seen.append)
    (measured,) = simulated.measured
    assert {progress.total for progress in seen} == {10 * len(measured)}


@pytest.mark.slow
def test_a_table_of_this_machine_is_validated_by_measuring(
    table: LatencyTable, device: LocalDevice, tmp_path: Path
) -> None:
    found = validate(table, device, Cache(tmp_path), networks=2, mode="quick").validation
    assert found is not None
    assert found.error.n == 2
    assert all(network.first_ms > 0 and network.second_ms > 0 for network in found.networks)


def test_a_table_of_another_machine_is_refused_naming_what_differs(
    table: LatencyTable, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    elsewhere = replace(table.spec, machine=replace(table.spec.machine, cpu_model="Another CPU"))
    with pytest.raises(
        MismatchError, match="the latency table is of machine's cpu_model Another CPU, and here it"
    ):
        validate(replace(table, spec=elsewhere), simulated, Cache(tmp_path))


def test_a_table_of_another_runtime_version_is_refused(
    table: LatencyTable, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    older = replace(table, spec=replace(table.spec, runtime_version="0.1"))
    with pytest.raises(MismatchError, match=r"is of runtime_version 0\.1, and here it is"):
        validate(older, simulated, Cache(tmp_path))
