"""``compofa kit``: kits that are built, run and made into tables by hand."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from compofa_deploy.space import named_architectures
from compofa_deploy.tables import profile as profile_module
from latency_tables.table import LatencyTable
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import make_kit
from tests.support.supernets import TINY


@pytest.fixture(autouse=True)
def _tiny_and_brief(monkeypatch):
    plan = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)
    monkeypatch.setitem(named_architectures.ARCHITECTURES, "tiny", TINY)
    for mode in ("quick", "full"):
        monkeypatch.setitem(profile_module.PLANS, mode, lambda: plan)


def test_a_kit_is_built_here_and_run_there(compofa, tmp_path, spec):
    kit, path = tmp_path / "kit.zip", tmp_path / "table.json"
    built = compofa("kit", "build", "--arch", "tiny", "--resolutions", "16", "-o", kit, "--json")
    assert built.code == 0
    ran = compofa("kit", "run", kit, "--quick", "-o", path, "--json")
    assert ran.code == 0
    assert ran.json["layers"] == built.json["layer"]
    assert ran.json["networks"] == built.json["network"]
    assert LatencyTable.load(path).kit_id == built.json["kit_id"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kit.zip", "table.json"]


def test_what_the_agent_measured_there_becomes_a_table_here(compofa, tmp_path, spec):
    agent, kit = tmp_path / "compofa-agent.pyz", tmp_path / "kit.zip"
    compofa("kit", "build", "--arch", "tiny", "--resolutions", "16", "-o", kit)
    written = compofa("kit", "agent", "-o", agent, "--json")
    assert written.json == {"agent": str(agent), "size_bytes": agent.stat().st_size}
    plan = json.dumps(profile_module.PLANS["quick"]().to_dict())
    command = [sys.executable, "-P", agent, "run", kit, "--plan", plan, "-o", tmp_path / "measured.json"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    ran = compofa("kit", "table", tmp_path / "measured.json", "-o", tmp_path / "table.json", "--json")
    assert ran.code == 0
    table = LatencyTable.load(tmp_path / "table.json")
    assert table.spec == spec
    assert (ran.json["layers"], ran.json["networks"]) == (len(table.costs_ms), len(table.networks))


def test_what_an_emulated_cpu_measured_is_refused_and_flagged_where_it_is_asked_for(compofa, tmp_path):
    kit, measured, table = tmp_path / "kit", tmp_path / "measured.json", tmp_path / "table.json"
    made = measure_kit(make_kit(kit), find_runtime("fake").spec(), None, profile_module.PLANS["quick"]())
    machine = replace(made.spec.machine, architecture="aarch64", emulated=True)
    replace(made, spec=replace(made.spec, machine=machine)).save(measured)
    ran = compofa("kit", "table", measured, "-o", table)
    assert ran.code == 2
    assert "emulated aarch64" in ran.error
    assert not table.exists()
    ran = compofa("kit", "table", measured, "--emulated", "-o", table)
    assert ran.code == 0
    assert ", emulated" in " ".join(ran.out.split())


def test_a_file_that_is_no_measured_kit_is_refused(compofa, tmp_path):
    (tmp_path / "measured.json").write_text('{"format": "compofa-kit"}')
    ran = compofa("kit", "table", tmp_path / "measured.json", "-o", tmp_path / "table.json")
    assert ran.code == 2
    assert "not a compofa-measured-kit" in ran.error


def test_a_kit_of_another_batch_is_refused(compofa, tmp_path):
    kit = tmp_path / "kit.zip"
    compofa("kit", "build", "--arch", "tiny", "--resolutions", "16", "--batch", "2", "-o", kit)
    ran = compofa("kit", "run", kit, "--quick", "-o", tmp_path / "table.json")
    assert ran.code == 2
    assert "batch" in ran.error
    assert not (tmp_path / "table.json").exists()


def test_a_file_that_is_no_kit_is_refused(compofa, tmp_path):
    (tmp_path / "kit.zip").write_text("no zip")
    ran = compofa("kit", "run", tmp_path / "kit.zip", "-o", tmp_path / "table.json")
    assert ran.code == 2
    assert "not a zip that can be read" in ran.error


def test_a_run_that_was_stopped_goes_on(compofa, tmp_path, monkeypatch):
    from profilers.measuring import runner

    kit, path = tmp_path / "kit.zip", tmp_path / "table.json"
    compofa("kit", "build", "--arch", "tiny", "--resolutions", "16", "-o", kit)
    measure, measured = runner.measure_session, []  # type: ignore[attr-defined]

    def stop_after(limit):
        def run(*arguments):
            if len(measured) == limit:
                raise KeyboardInterrupt
            measured.append(arguments)
            return measure(*arguments)

        monkeypatch.setattr(runner, "measure_session", run)

    stop_after(20)
    stopped = compofa("kit", "run", kit, "--quick", "-o", path)
    assert stopped.code == 130
    assert "the same command goes on from it" in stopped.error
    assert not path.exists()
    stop_after(-1)
    assert compofa("kit", "run", kit, "--quick", "-o", path).code == 0
    # ONNX Runtime tells what layers take within networks: none is measured alone.
    assert len(measured) == 2 * len(json.loads(path.read_text())["networks"])
