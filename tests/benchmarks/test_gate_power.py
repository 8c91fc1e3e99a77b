"""What the benchmark of the gate counts, keeps, and does to a process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks import disturbances, gate_power
from benchmarks.disturbances import disturb
from benchmarks.gate_power import find_wilson, format_row, list_remaining, read_raw
from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.bundle.verify import check_numbers
from profilers.runtimes.registry import find_runtime
from profilers.targets.local import LocalDevice
from tests.support.supernets import make_supernet

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def make_result(kind, verdict="same", ratio=1.0):
    return {"kind": kind, "verdict": verdict, "ratio": ratio, "wall_s": 5.0, "machine": "here"}


@pytest.mark.parametrize(
    ("hits", "runs", "interval"),
    [(0, 200, (0, 0.0188)), (57, 60, (0.8630, 0.9829)), (10, 20, (0.2993, 0.7007))],
)
def test_a_rate_has_the_interval_of_the_literature(hits, runs, interval):
    assert find_wilson(hits, runs) == pytest.approx(interval, abs=1e-4)


def test_alarms_are_counted_where_models_are_equal_and_finds_where_not():
    equal = [make_result("equal", verdict) for verdict in ("same", "faster", "slower", "same")]
    assert "alarms 50.0%" in format_row("equal", equal)
    slower = [make_result("+3 %", "slower", 1.031), make_result("+3 %", "could not tell", 1.029)]
    assert "found 50.0%" in format_row("+3 %", slower)
    assert "+3.00%" in format_row("+3 %", slower)


def test_what_is_kept_is_not_run_again(tmp_path, rng):
    raw = tmp_path / "raw.jsonl"
    lines = [{"kind": "+3 %", "channels": 176, "machine": "here"}, make_result("+3 %"), make_result("equal")]
    raw.write_text("".join(json.dumps(line) + "\n" for line in lines))
    channels, results = read_raw(raw, "here")
    assert channels == {"+3 %": 176}
    left = list_remaining({"equal": 1, "+3 %": 3, "throttled": 2}, results, rng)
    assert Counter(left) == {"+3 %": 2, "throttled": 2}
    with pytest.raises(SystemExit, match="begun on another machine"):
        read_raw(raw, "there")


def test_a_slower_bundle_is_a_whole_bundle_of_more_work(tmp_path, monkeypatch):
    tiny, spec = make_supernet(), find_runtime("onnxruntime").spec()
    monkeypatch.setattr(gate_power, "SUBNET", "22222@16")
    base, wide = (gate_power.put_bundle(tmp_path, tiny, spec, extra) for extra in (0, 64))
    assert wide.name == "wider-by-64"
    one, other = load_bundle(base), load_bundle(wide)
    assert len(other.read_files().model) > len(one.read_files().model)
    for bundle in (one, other):
        files, reference = bundle.read_files(), bundle.read_reference()
        assert check_numbers(bundle.deployment, files, reference, spec, LocalDevice(tmp_path)) < 1e-4


@pytest.fixture
def sleeping(monkeypatch):
    """A parent with a child that sleeps, as the command line has a measuring process."""
    monkeypatch.setattr(disturbances, "BEGINS_S", (0.0, 0.01))
    code = f"import subprocess, sys; subprocess.run({SLEEP!r})"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.02)
    return False


def read_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by /proc")
def test_a_stalled_process_stops_and_goes_on(sleeping, monkeypatch):
    monkeypatch.setattr(disturbances, "STALL_S", 60.0)
    assert wait_for(lambda: disturbances._list_children(sleeping.pid))
    (child,) = disturbances._list_children(sleeping.pid)
    with disturb(sleeping.pid, disturbances.stall, np.random.default_rng(0)):
        assert wait_for(lambda: read_state(child) == "T")
    assert wait_for(lambda: read_state(child) != "T")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by /proc")
def test_the_other_process_ends_with_the_comparison(sleeping):
    before = set(disturbances._list_children(os.getpid()))
    with disturb(sleeping.pid, disturbances.burn, np.random.default_rng(0)):
        assert wait_for(lambda: set(_list_all_children()) - before)
    assert set(_list_all_children()) <= before


def _list_all_children():
    """Those of every thread: the one that disturbs has started its own."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def test_nothing_is_disturbed_without_a_measuring_process():
    called = threading.Event()
    with disturb(os.getpid() + 10_000_000, lambda *_: called.set(), np.random.default_rng(0)):
        time.sleep(0.1)
    assert not called.is_set()
