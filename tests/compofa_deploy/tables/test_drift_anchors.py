"""Anchors say how fast the machine is now beside when a table was made."""

from dataclasses import replace
from pathlib import Path

import pytest

from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.drift_anchors import choose_anchors, find_speed, measure_beside_anchors
from latency_tables.errors import MismatchError
from latency_tables.table import LatencyTable, MeasuredNetwork
from profilers.measuring.plan import Plan
from profilers.targets.simulated import SimulatedDevice
from tests.latency_tables.builders import make_item, make_measurement
from tests.support.supernets import make_table

LABELS = ("22222@16", "33333@16", "44444@16")


def make_anchored(**changes: object) -> LatencyTable:
    networks = tuple(
        MeasuredNetwork(label, (), float(ms)) for label, ms in zip(LABELS, (1, 2, 3), strict=True)
    )
    return make_table(networks=networks, **changes)


def measure(label: str, ms: float):
    return make_measurement(replace(make_item(), label=label), ms)


def test_anchors_reach_from_the_fastest_to_the_slowest() -> None:
    networks = tuple(MeasuredNetwork(f"n{i}", (), float((7 * i) % 30)) for i in range(30))
    chosen = [anchor.ms for anchor in choose_anchors(make_table(networks=networks))]
    assert chosen == sorted(chosen)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 29, 9)


def test_one_anchor_that_gains_or_loses_otherwise_than_the_rest_does_not_count() -> None:
    measured = [measure(label, ms) for label, ms in zip(LABELS, (1.3, 2.6, 3.0), strict=True)]
    assert find_speed(make_anchored(), measured) == pytest.approx(1.3)


def test_a_table_without_networks_has_no_other_speed() -> None:
    assert find_speed(make_table(networks=()), []) == 1


def test_subnets_are_measured_with_the_anchors_once_each_and_nothing_is_left_behind(
    spec, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    simulated.latency_ms = lambda label: 0.5
    subnets = [Subnet.parse(label) for label in ("23232@16", LABELS[0])]
    measured, speed = measure_beside_anchors(
        make_anchored(spec=spec), subnets, simulated, Cache(tmp_path), Plan.quick(), "a-test"
    )
    assert simulated.measured == [["23232@16", *LABELS]]
    assert [m.item.label for m in measured] == ["23232@16", LABELS[0]]
    assert speed == pytest.approx(0.25, rel=1e-3)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_table_of_another_machine_is_refused_before_anything_is_built(
    spec, simulated: SimulatedDevice, tmp_path: Path
) -> None:
    elsewhere = replace(spec, machine=replace(spec.machine, cpu_model="Another CPU"))
    with pytest.raises(MismatchError, match="is of machine's cpu_model Another CPU"):
        measure_beside_anchors(
            make_anchored(spec=elsewhere), [], simulated, Cache(tmp_path / "cache"), Plan(), "a-test"
        )
    assert not (tmp_path / "cache").exists()
