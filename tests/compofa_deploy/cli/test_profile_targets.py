"""``compofa profile --target``, over a real sshd on loopback and with a real runtime."""

from __future__ import annotations

import json
import sys

import pytest

from compofa_deploy.space import named_architectures
from compofa_deploy.tables import profile as profile_module
from latency_tables.table import LatencyTable
from profilers.measuring.plan import Plan
from tests.support.sshd import Sshd, sshd
from tests.support.supernets import TINY

__all__ = ["sshd"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _tiny_and_brief(monkeypatch):
    plan = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)
    monkeypatch.setitem(named_architectures.ARCHITECTURES, "tiny", TINY)
    monkeypatch.setitem(profile_module.PLANS, "quick", lambda: plan)


def run(compofa, path, *targets):
    options = [word for target in targets for word in ("--target", target)]
    return compofa(
        "profile", "--arch", "tiny", "--resolutions", "16", "--quick", "--python", sys.executable,
        *options, "-o", path, "--json",
    )  # fmt: skip


def test_a_table_made_over_ssh_is_of_the_same_as_one_made_here(compofa, tmp_path, sshd, spec):
    assert compofa(
        "profile", "--arch", "tiny", "--resolutions", "16", "--quick", "-o", tmp_path / "here.json"
    ).code == 0  # fmt: skip
    ran = run(compofa, tmp_path / "there.json", sshd.url)
    assert ran.code == 0
    here, there = (LatencyTable.load(tmp_path / name) for name in ("here.json", "there.json"))
    assert there.spec == here.spec == spec
    assert (there.kit_id, there.architecture) == (here.kit_id, here.architecture)
    assert there.costs_ms.keys() == here.costs_ms.keys()
    assert [n.label for n in there.networks] == [n.label for n in here.networks]
    assert ran.json["targets"][sshd.name]["file"] == str(tmp_path / "there.json")
    assert ran.json["failed"] == {}
    assert f"{sshd.name}: onnxruntime {spec.runtime_version} cpu f32" in " ".join(ran.err.split())
    assert list((sshd.cache / "remote").iterdir()) == []


def test_of_several_targets_each_has_its_table_and_one_that_fails_does_not_keep_the_rest(
    compofa, tmp_path, sshd
):
    with Sshd(tmp_path / "other") as other:
        sshd.welcome(other)
        ran = run(compofa, tmp_path / "t.json", sshd.url, other.url, "ssh://127.0.0.1:1", sshd.url)
    assert ran.code == 3
    assert "Error: 127.0.0.1-1: it cannot be reached" in ran.error
    found = json.loads(ran.out)
    assert found["targets"].keys() == {sshd.name, other.name}
    assert found["failed"].keys() == {"127.0.0.1-1"}
    names = {path.name for path in tmp_path.glob("*.json")}
    assert names == {f"t-{sshd.name}.json", f"t-{other.name}.json"}


@pytest.mark.parametrize("target", ["local", "ssh://", "ssh://-oProxyCommand=true", "ssh://host/path"])
def test_what_is_no_target_is_refused_before_anything_runs(compofa, tmp_path, target):
    ran = run(compofa, tmp_path / "t.json", target)
    assert ran.code == 2
    assert f"'{target}' is no target; write it as ssh://user@host" in ran.error


def test_a_device_without_the_runtime_says_so_in_its_name(compofa, tmp_path, sshd):
    ran = compofa(
        "profile", "--arch", "tiny", "--resolutions", "16", "--python", sys.executable, "--runtime", "none",
        "--target", sshd.url, "-o", tmp_path / "t.json",
    )  # fmt: skip
    assert ran.code == 2
    assert ran.error.startswith(f"Error: {sshd.name}: no runtime 'none'; there are onnxruntime")
    assert not (tmp_path / "t.json").exists()
