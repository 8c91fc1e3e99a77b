"""``compofa profile`` measures this machine for real, if briefly."""

import pytest

from compofa_deploy.space import named_architectures
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables import profile as profile_module
from latency_tables.table import LatencyTable
from profilers.measuring.plan import Plan
from tests.support.supernets import TINY


@pytest.fixture(autouse=True)
def _tiny_and_brief(monkeypatch):
    plan = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)
    monkeypatch.setitem(named_architectures.ARCHITECTURES, "tiny", TINY)
    for mode in ("quick", "full"):
        monkeypatch.setitem(profile_module.PLANS, mode, lambda: plan)


def test_profiling_writes_a_table_of_this_machine(compofa, tmp_path, spec):
    path = tmp_path / "cpu.json"
    ran = compofa("profile", "--arch", "tiny", "--resolutions", "16", "--quick", "-o", path, "--json")
    assert ran.code == 0
    table = LatencyTable.load(path)
    assert table.spec == spec
    assert table.architecture == TINY.to_dict()
    assert ran.json["device_spec_id"] == spec.id
    assert ran.json["networks"] == len(table.networks)
    predicted = compofa("tables", "predict", path, Subnet.compound((2,) * 5, 16), "--json")
    assert predicted.json["predictions"][0]["latency_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["profile", "--arch", "resnet50"], "no architecture 'resnet50'; there are"),
        (["profile", "--arch", "tiny", "--runtime", "tensorflow"], "no runtime 'tensorflow'"),
        (["profile", "--arch", "tiny", "--resolutions", "big"], "is not a list of resolutions"),
        (["profile", "--arch", "tiny", "--threads", "4096"], "4096 threads were asked for"),
        (["kit", "build", "--arch", "resnet50"], "no architecture 'resnet50'"),
        (["kit", "run", "none.zip"], "none.zip: there is no such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(compofa, tmp_path, arguments, message):
    ran = compofa(*arguments, "-o", tmp_path / "out.json")
    assert ran.code == 2
    assert message in ran.error
    assert list(tmp_path.iterdir()) == []
