"""Loading in a process of its own: the time by the runtime's clock, the memory by what the system tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError, MeasurementError, WorkerDied
from latency_tables.units import NS_PER_MS
from profilers.measuring.load_cost import Load, measure_load, watch_memory
from profilers.measuring.open_model import ModelPaths
from profilers.runtimes.fake import CLOCK_STEP_NS, FakeModel, FakeRuntime
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import KEYS, make_onnx


@pytest.fixture
def process(tmp_path: Path) -> Path:
    """A folder as /proc/self is, of a process that holds 2 of the 3 MiB that it once held."""
    (tmp_path / "clear_refs").touch()
    write_status(tmp_path, 2048, 3072)
    return tmp_path


def write_status(process: Path, held_kib: int, peak_kib: int) -> None:
    (process / "status").write_text(f"Name:\tpython\nVmHWM:\t {peak_kib} kB\nVmRSS:\t {held_kib} kB\n")


def test_memory_is_the_most_that_was_held_less_what_was_held_before(process: Path) -> None:
    tell = watch_memory(process)
    write_status(process, 4096, 6144)
    assert tell() == (6144 - 2048) * 1024
    assert (process / "clear_refs").read_text() == "5"


def test_a_peak_from_before_is_no_news(process: Path) -> None:
    tell = watch_memory(process)
    write_status(process, 2900, 3072)
    assert tell() is None


@pytest.mark.parametrize("status", [None, "Name:\tpython\n", "VmHWM:\tmuch kB\nVmRSS:\t1 kB\n"])
def test_a_system_that_does_not_tell_gives_no_memory(process: Path, status: str | None) -> None:
    if status is None:
        (process / "status").unlink()
    else:
        (process / "status").write_text(status)
    assert watch_memory(process)() is None


def test_a_fake_model_is_loaded_in_no_time_by_its_own_clock(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(FakeModel(KEYS).to_bytes())
    found = measure_load(FakeRuntime().spec(), ModelPaths.hash(tmp_path / "model"))
    assert found.load_ms == pytest.approx(2 * CLOCK_STEP_NS / NS_PER_MS)


def test_a_model_takes_time_and_memory_to_load(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "model").write_bytes(make_onnx())
    found = measure_load(find_runtime("onnxruntime").spec(), ModelPaths.hash(tmp_path / "model"))
    assert found.load_ms > 0
    assert found.memory_bytes is None or found.memory_bytes > 0


def test_what_is_no_model_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"no model")
    with pytest.raises(MeasurementError, match="onnxruntime could not load the model"):
        measure_load(find_runtime("onnxruntime").spec(), ModelPaths.hash(tmp_path / "model"))


def test_a_model_that_crashes_the_process_says_so(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(FakeModel(KEYS, fault="crash").to_bytes())
    with pytest.raises(WorkerDied, match="signal 6"):
        measure_load(FakeRuntime().spec(), ModelPaths.hash(tmp_path / "model"))


@given(st.builds(Load, st.floats(0, 1e9), st.none() | st.integers(0, 1 << 40)))
def test_a_load_is_read_as_it_was_written(load: Load) -> None:
    assert Load.from_dict(load.to_dict()) == load


@pytest.mark.parametrize(
    "changes", [{"load_ms": -1}, {"load_ms": None}, {"memory_bytes": -1}, {"memory_bytes": 0.5}]
)
def test_a_field_that_is_wrong_is_named(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError, match=f"load, {next(iter(changes))}"):
        Load.from_dict({**Load(1.0, 1).to_dict(), **changes})
