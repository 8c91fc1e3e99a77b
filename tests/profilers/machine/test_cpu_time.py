"""Foreign work is the time that the cores were busy, less what this process and its children took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from profilers.machine import cpu_time
from profilers.machine.cpu_time import read_cpu_time
from tests.latency_tables.builders import CONDITIONS

TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
SPIN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of three cores, two of which this process may use, with a worker, its helper, and a stranger."""
    monkeypatch.setattr(cpu_time, "_list_cores", lambda: {0, 1})
    core = "100 10 50 700 40 5 5 90 0 0"
    stat = "\n".join(["cpu 1 1 1 1 1 1 1 1", *(f"cpu{i} {core}" for i in range(3)), "intr 5"])
    write(tmp_path / "proc/stat", stat)
    for pid, parent, ticks in ((10, 1, 30), (11, 10, 40), (12, 11, 5), (20, 1, 90)):
        write(tmp_path / f"proc/{pid}/stat", f"{pid} (a (b) c) S {parent} " + "0 " * 9 + f"{ticks} 1 2 3 20")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_time_of_a_process_is_that_of_all_processes_below_it(root: Path) -> None:
    found = read_cpu_time(root, 10)
    assert found is not None
    assert found.own_ms == (30 + 40 + 5 + 3 * 6) * TICK_MS


def test_cores_are_busy_when_they_are_neither_idle_nor_waiting_nor_taken_away(root: Path) -> None:
    found = read_cpu_time(root, 10)
    assert found is not None
    assert found.elapsed_ms == 1000 * TICK_MS
    assert found.busy_ms == 2 * (100 + 10 + 50 + 5 + 5) * TICK_MS


@pytest.mark.parametrize("missing", ["proc/stat", "proc/10/stat"])
def test_what_the_system_does_not_tell_is_unknown(root: Path, missing: str) -> None:
    (root / missing).unlink()
    assert read_cpu_time(root, 10) is None


def test_a_process_that_ends_meanwhile_does_not_count(root: Path) -> None:
    write(root / "proc/30/stat", "")
    assert read_cpu_time(root, 10) == read_cpu_time(root, 10)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the system has no /proc/stat")
def test_a_worker_of_ones_own_is_no_foreign_work() -> None:
    before = read_cpu_time()
    subprocess.run([sys.executable, "-c", SPIN], check=True)
    with subprocess.Popen([sys.executable, "-c", SPIN + "\ninput()"], stdin=subprocess.PIPE) as worker:
        time.sleep(1.0)
        after = read_cpu_time()
        worker.communicate(b"\n")
    assert before is not None
    assert after is not None
    assert after.own_ms - before.own_ms >= 400
    assert after.busy_ms >= before.busy_ms


def test_doubts_compare_the_time_of_others_with_the_time_that_passed() -> None:
    from latency_tables.machine import list_doubts

    first = replace(CONDITIONS, load_average=9.0, cpu_elapsed_ms=0, cpu_busy_ms=0, cpu_own_ms=0)
    quiet = replace(first, cpu_elapsed_ms=10_000, cpu_busy_ms=12_000, cpu_own_ms=9_000)
    busy = replace(quiet, cpu_busy_ms=19_000)
    assert list_doubts((first, quiet), 1) == ()
    assert list_doubts((first, busy), 1) == ("other work kept 1.0 cores busy",)
