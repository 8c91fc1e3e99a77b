"""``compofa profile --from``: measured for real, if briefly."""

from dataclasses import replace

import pytest

from compofa_deploy.space import named_architectures
from compofa_deploy.tables import profile as profile_module
from compofa_deploy.tables.cache import MODES, Cache
from latency_tables.table import LatencyTable
from profilers.measuring.plan import Plan
from tests.support.supernets import TINY


@pytest.fixture(autouse=True)
def _tiny_and_brief(monkeypatch):
    plan = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)
    monkeypatch.setitem(named_architectures.ARCHITECTURES, "tiny", TINY)
    for mode in ("quick", "full"):
        monkeypatch.setitem(profile_module.PLANS, mode, lambda: plan)


@pytest.fixture
def old(table, tmp_path):
    """A table of this machine under an older version of the runtime."""
    older = replace(table, spec=replace(table.spec, runtime_version="0.9"))
    older.save(tmp_path / "old.json")
    return tmp_path / "old.json"


def test_an_old_table_becomes_one_of_what_is_here_now(compofa, old, tmp_path, spec):
    ran = compofa("profile", "--from", old, "--quick", "-o", tmp_path / "new.json", "--json")
    assert ran.code == 0
    new = LatencyTable.load(tmp_path / "new.json")
    assert new.spec == spec
    assert ran.json["recalibrated_from"] == new.recalibrated_from
    assert "onnxruntime 0.9" in new.recalibrated_from
    assert (len(new.networks), new.resolutions) == (10, TINY.resolutions)
    found = Cache.default().find_table(TINY, spec, TINY.resolutions, MODES)
    assert found == new
    assert Cache.default().find_table(TINY, spec, TINY.resolutions, ("full", "quick")) is None
    assert "recalibrated from" in compofa("tables", "show", tmp_path / "new.json").out


def test_a_table_that_was_measured_in_full_goes_first(compofa, old, cached, tmp_path, spec):
    ran = compofa("profile", "--from", old, "--networks", "3", "--quick", "-o", tmp_path / "new.json")
    assert ran.code == 0
    found = Cache.default().find_table(TINY, spec, TINY.resolutions, MODES)
    assert found == LatencyTable.load(cached)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "mbv3-w0.75-cifar10"], "is of tiny and not of mbv3-w0.75-cifar10"),
        (["--resolutions", "24"], "has resolutions 16, 20 and not 24"),
        (["--networks", "11"], "3<=x<=10"),
    ],
)
def test_what_does_not_fit_the_old_table_is_one_line(compofa, old, tmp_path, arguments, message):
    ran = compofa("profile", "--from", old, *arguments, "-o", tmp_path / "new.json")
    assert ran.code == 2
    assert message in ran.error
    assert not (tmp_path / "new.json").exists()


def test_networks_are_counted_with_an_old_table_alone(compofa, tmp_path):
    ran = compofa("profile", "--arch", "tiny", "--networks", "5", "-o", tmp_path / "new.json")
    assert ran.code == 2
    assert "name the old table with --from" in ran.error
