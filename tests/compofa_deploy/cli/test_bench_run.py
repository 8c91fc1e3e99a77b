"""``compofa bench run``, ``history`` and ``noise``, and comparisons of results, on a simulated device."""

from __future__ import annotations

import json

import pytest

from compofa_deploy.bench import run as run_module
from compofa_deploy.bench.result import BenchResult
from profilers.targets import registry
from tests.compofa_deploy.bench.builders import make_fake_model, write_fake_bundle
from tests.compofa_deploy.export.builders import flip_byte, replace_content
from tests.support.bench_results import make_result


@pytest.fixture(autouse=True)
def _simulated(monkeypatch, simulated):
    simulated.latency_ms = lambda label: 0.5 if label in ("33333@28", "old", "new") else None
    monkeypatch.setattr(run_module, "LOADS", 1)
    monkeypatch.setenv("GITHUB_SHA", "0123456789abcdef")


@pytest.fixture
def fake(exported, tmp_path):
    return write_fake_bundle(tmp_path / "fake", exported, make_fake_model())


@pytest.fixture
def run(compofa, fake, tmp_path):
    """Runs ``compofa bench run`` on a fake bundle, into result.json."""
    return lambda *more: compofa(
        "bench", "run", fake, "-o", tmp_path / "result.json", "--time", "100ms", *more
    )


def test_a_result_a_history_and_a_dashboard_are_written(run, tmp_path):
    history, dashboard = tmp_path / "history.jsonl", tmp_path / "dashboard.json"
    ran = run("--append", history, "--dashboard", dashboard, "--json")
    assert ran.code == 0
    (found,) = ran.json["bundles"]
    assert found["name"] == "fake"
    assert found["median_ms"] == pytest.approx(1, rel=0.15)
    assert found["low_ms"] <= found["median_ms"] <= found["high_ms"]
    result = BenchResult.load(tmp_path / "result.json")
    assert result.label == "0123456789abcdef"
    assert result.made_by.startswith("compofa bench run ")
    assert json.loads(history.read_text())["bundles"] == ran.json["bundles"]
    assert json.loads(dashboard.read_text())[0]["name"] == "fake: median latency"


def test_people_are_shown_what_was_found(run):
    ran = run()
    assert ran.code == 0
    for word in (
        "median",
        "p90",
        "throughput",
        "by the baseline's",
        "load time",
        "memory",
        "size",
        "sessions",
    ):
        assert word in ran.out
    assert "p99.9" not in ran.out


def test_a_broken_line_is_kept_and_named(run, compofa, tmp_path):
    history = tmp_path / "history.jsonl"
    history.write_text("no entry\n")
    ran = run("--append", history, "--label", "mine")
    assert ran.code == 0
    assert (
        f"Warning: a line of the history is left as it is, and does not count: {history}, line 1: " in ran.err
    )
    assert history.read_text().startswith("no entry\n{")
    shown = compofa("bench", "history", history)
    assert shown.code == 0
    assert "mine" in shown.out
    assert "line 1" in shown.err
    read = compofa("bench", "history", history, "--json").json
    assert [entry["label"] for entry in read["entries"]] == ["mine"]
    assert len(read["broken"]) == 1


def test_a_history_is_drawn(run, compofa, tmp_path):
    pytest.importorskip("matplotlib")
    run("--append", tmp_path / "history.jsonl")
    ran = compofa("bench", "history", tmp_path / "history.jsonl", "-o", tmp_path / "history.svg", "--json")
    assert ran.code == 0
    assert ran.json["figure"] == str(tmp_path / "history.svg")
    assert (tmp_path / "history.svg").read_bytes().startswith(b"<?xml")


def test_a_history_that_is_not_there_is_bad_input(compofa, tmp_path):
    ran = compofa("bench", "history", tmp_path / "none.jsonl")
    assert ran.code == 2
    assert "there is no such file; make one with compofa bench run --append" in ran.error


def test_what_cannot_be_measured_is_one_line_and_writes_nothing(compofa, bundle, fake, tmp_path, monkeypatch):
    # A real runtime has to load the model.
    monkeypatch.setitem(registry.TARGETS, "local", registry._open_local)
    written = tmp_path / "result.json"
    for spoil, code, message in (
        (lambda: replace_content(bundle, "model", b"no model"), 3, "could not load the model"),
        (lambda: flip_byte(bundle / "model.onnx", 3), 2, "was changed or damaged"),
    ):
        spoil()
        ran = compofa("bench", "run", fake, bundle, "-o", written, "--append", tmp_path / "h.jsonl")
        assert ran.code == code
        assert f"{bundle}" in ran.error
        assert message in ran.error
        assert ran.out == ""
        assert not written.exists()
        assert not (tmp_path / "h.jsonl").exists()


def test_ctrl_c_keeps_nothing_and_says_so(run, simulated, tmp_path):
    def interrupt(label):
        raise KeyboardInterrupt

    simulated.slow_down = interrupt
    ran = run("--append", tmp_path / "history.jsonl")
    assert ran.code == 130
    assert "nothing is kept of a run that has not ended" in ran.error
    assert not (tmp_path / "result.json").exists()
    assert not (tmp_path / "history.jsonl").exists()


@pytest.mark.parametrize(
    ("ms", "allowed", "code", "answer"),
    [(1.0, "10%", 0, "same"), (1.3, "10%", 1, "slower"), (1.02, "3%", 3, "could not tell")],
)
def test_two_results_are_compared_through_the_baseline(compofa, tmp_path, ms, allowed, code, answer):
    make_result("a").save(tmp_path / "old.json")
    make_result("a", ms=ms, seed=1, speed=1.2).save(tmp_path / "new.json")
    ran = compofa(
        "bench",
        "compare",
        tmp_path / "old.json",
        tmp_path / "new.json",
        "--max-regression",
        allowed,
        "--json",
    )
    assert ran.code == code
    assert [found["verdict"] for found in ran.json["comparisons"]] == [answer]


def test_results_that_are_cut_off_or_of_another_machine_are_bad_input(compofa, tmp_path):
    from dataclasses import replace

    from tests.latency_tables.builders import MACHINE, SPEC

    old, new = tmp_path / "old.json", tmp_path / "new.json"
    make_result("a").save(old)
    make_result("a", spec=replace(SPEC, machine=replace(MACHINE, cpu_model="Another"))).save(new)
    ran = compofa("bench", "compare", old, new)
    assert ran.code == 2
    assert "was not measured on the same: machine's cpu_model: A CPU, Another" in ran.error
    new.write_bytes(old.read_bytes()[:100])
    ran = compofa("bench", "compare", old, new)
    assert ran.code == 2
    assert "new.json: not the JSON it should be" in ran.error


def test_noise_is_told_and_ends_with_zero(compofa, fake):
    shown = compofa("bench", "noise", fake, "--time", "200ms")
    assert shown.code == 0
    for word in ("two sessions lie apart", "tells a regression of", "10 s"):
        assert word in shown.out
    told = compofa("bench", "noise", "--time", "200ms", "--json")
    assert told.code == 0
    assert told.json["score"] in ("quiet", "usable", "noisy")
    assert [entry["seconds"] for entry in told.json["detectable"]] == [5, 10, 20, 60]


def test_noise_of_what_is_no_bundle_is_bad_input(compofa, tmp_path):
    ran = compofa("bench", "noise", tmp_path / "none")
    assert ran.code == 2
    assert "there is no such folder" in ran.error
