"""A device is profiled: a kit is built and measured, and the table is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.profile import PLANS, name_run, profile
from latency_tables.device import DeviceSpec
from latency_tables.errors import ConnectionLost
from profilers.measuring.plan import Plan
from profilers.measuring.runner import Progress
from profilers.runtimes.fake import FakeWorld
from profilers.targets.simulated import SimulatedDevice
from tests.latency_tables.builders import SPEC
from tests.profilers.models import make_kit
from tests.support.supernets import TINY

BRIEF = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=3, reference_calls=3)


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLANS, "quick", lambda: BRIEF)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_the_table_predicts_what_the_device_takes_and_is_kept(
    spec: DeviceSpec, simulated: SimulatedDevice, cache: Cache
) -> None:
    simulated.world, simulated.cost_ms = FakeWorld(launch_ms=0.05), lambda key: 0.01 + len(key) / 1000
    table = profile(TINY, spec, (16,), simulated, cache, "quick")
    assert table.spec == spec
    assert table.error is not None
    assert table.error.mape < 0.01
    assert cache.find_table(TINY, spec, (16,), ("quick",)) == table


def test_a_run_that_was_stopped_goes_on_and_is_forgotten_when_its_table_is_kept(
    spec: DeviceSpec, simulated: SimulatedDevice, cache: Cache
) -> None:
    simulated.stops_after = 10
    with pytest.raises(ConnectionLost):
        profile(TINY, spec, (16,), simulated, cache, "quick")
    resumed: list[Progress] = []
    profile(TINY, spec, (16,), simulated, cache, "quick", resumed.append)
    assert {progress.resumed for progress in resumed} == {10}
    anew: list[Progress] = []
    profile(TINY, spec, (16,), simulated, cache, "quick", anew.append)
    assert {progress.resumed for progress in anew} == {0}


def test_no_kit_stays_in_the_cache(spec: DeviceSpec, simulated: SimulatedDevice, cache: Cache) -> None:
    profile(TINY, spec, (16,), simulated, cache, "quick")
    assert list(cache.kits().iterdir()) == []


def test_runs_of_different_kits_device_specs_and_purposes_have_different_names(tmp_path: Path) -> None:
    kits = [make_kit(tmp_path / str(networks), networks=networks) for networks in (2, 3)]
    names = {
        name_run(kit, spec, purpose)
        for kit in kits
        for spec in (SPEC, replace(SPEC, threads=2))
        for purpose in ("quick", "full")
    }
    assert len(names) == 8
