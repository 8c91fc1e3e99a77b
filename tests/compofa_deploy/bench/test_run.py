"""Bundles are measured beside the baseline; what cannot be measured is named, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.bench import run as run_module
from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bench.run import find_subjects, plan_sampling, run_bench
from compofa_deploy.bench.summary import summarise
from compofa_deploy.export.export import Exported
from latency_tables.errors import InputError, MeasurementError, WorkerDied
from profilers.measuring.runner import OnProgress
from profilers.runtimes.fake import FakeModel, FakeWorld
from profilers.targets.device import Device
from profilers.targets.local import LocalDevice
from profilers.targets.simulated import SimulatedDevice
from tests.compofa_deploy.bench.builders import make_fake_model, write_fake_bundle
from tests.compofa_deploy.export.builders import change_manifest, flip_byte, replace_content

Write = Callable[..., Path]
QUIET = FakeWorld()


class Steps(list[str]):
    """A watcher that keeps what it is told."""

    def on_step(self, text: str) -> None:
        self.append(text)

    def on_progress(self) -> OnProgress:
        return lambda progress: self.append(f"{progress.done}/{progress.total} {progress.label}")


@pytest.fixture
def write(exported: Exported, tmp_path: Path) -> Write:
    """Writes a bundle of the fake runtime under a name."""

    def write_named(name: str, model: FakeModel) -> Path:
        return write_fake_bundle(tmp_path / name, exported, model)

    return write_named


BASELINE, BASELINE_MS = "33333@28", 0.5


@pytest.fixture(autouse=True)
def _load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "LOADS", 1)


@pytest.fixture
def phone() -> SimulatedDevice:
    """A device that has the fake runtime alone, and measures the baseline in a known time."""
    device = SimulatedDevice()
    device.latency_ms = lambda label: BASELINE_MS if label == BASELINE else None
    return device


def bench(device: Device, *folders: Path, steps: Steps | None = None) -> BenchResult:
    watcher = Steps() if steps is None else steps
    return run_bench(find_subjects(folders, device), plan_sampling(200), device, watcher, "v1", "a test")


def test_what_is_found_is_what_the_models_take(write: Write, phone: Device, tmp_path: Path) -> None:
    steps = Steps()
    one, two = write("one", make_fake_model(1.0, QUIET)), write("two", make_fake_model(2.5, QUIET))
    result = bench(phone, one, two, steps=steps)
    first, second = map(summarise, result.bundles)
    assert (first.name, second.name) == ("one", "two")
    assert first.median_ms == pytest.approx(1.0, rel=0.01)
    assert second.median_ms == pytest.approx(2.5, rel=0.01)
    assert second.baseline_ratio == pytest.approx(2.5 / BASELINE_MS, rel=0.01)
    assert first.sessions == run_module.SESSIONS
    assert first.samples >= 200
    assert (result.label, result.made_by) == ("v1", "a test")
    assert steps[0] == "loading one in 1 new processes"
    assert steps[-1].startswith("20/20")
    result.save(tmp_path / "result.json")
    assert BenchResult.load(tmp_path / "result.json").to_dict() == result.to_dict()


def test_a_machine_that_drifts_and_disturbs_changes_little(write: Write, phone: Device) -> None:
    world = FakeWorld(
        drift=0.1, drift_period_ms=500, placement_noise=0.01, call_noise=0.02, outlier_rate=0.02
    )
    (found,) = bench(phone, write("one", make_fake_model(2.0, world))).bundles
    assert summarise(found).median_ms == pytest.approx(2.0, rel=0.12)


def test_bundles_of_two_device_specs_are_measured_apart(
    write: Write, bundle: Path, simulated: SimulatedDevice
) -> None:
    result = bench(simulated, write("one", make_fake_model(1.0, QUIET)), bundle)
    assert [found.spec.runtime for found in result.bundles] == ["fake", "onnxruntime"]
    assert simulated.measured == [["one"], ["bundle"]]


@pytest.mark.slow
def test_onnx_runtime_is_measured_beside_the_real_baseline(bundle: Path, device: LocalDevice) -> None:
    (found,) = bench(device, bundle).bundles
    summary = summarise(found)
    assert found.baseline.label == BASELINE
    assert 0 < summary.baseline_ratio < 1
    assert summary.load_ms > 0
    assert np.isfinite(found.log_ratios).all()


def test_two_bundles_of_one_name_are_refused(write: Write, phone: Device) -> None:
    one, other = write("a/same", make_fake_model()), write("b/same", make_fake_model())
    with pytest.raises(InputError, match=r"b/same: .*a/same has the same name, .* rename one"):
        find_subjects([one, other], phone)


def test_a_damaged_bundle_is_bad_input_and_no_answer(write: Write, phone: Device) -> None:
    folder = write("one", make_fake_model())
    flip_byte(folder / "model.fake", -3)
    with pytest.raises(InputError, match="was changed or damaged"):
        find_subjects([folder], phone)


def test_what_is_no_bundle_is_named(phone: Device, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: there is no such folder"):
        find_subjects([tmp_path / "none"], phone)


def test_a_model_that_does_not_load_is_named_by_its_bundle(bundle: Path, device: LocalDevice) -> None:
    replace_content(bundle, "model", b"no model")
    with pytest.raises(MeasurementError, match="bundle: onnxruntime could not load the model"):
        bench(device, bundle)


def test_a_model_that_crashes_is_named_by_its_bundle(write: Write, device: LocalDevice) -> None:
    with pytest.raises(WorkerDied, match="one: the measuring process was ended by signal"):
        bench(device, write("one", make_fake_model(1.0, QUIET, fault="crash")))


def test_more_threads_than_the_machine_has_cores_are_refused(write: Write, phone: SimulatedDevice) -> None:
    folder = write("one", make_fake_model())
    change_manifest(folder, lambda content: content["device_spec"].update(threads=2))
    phone.machine = replace(phone.machine, cores=1)
    with pytest.raises(InputError, match="2 threads were asked for, and this process may use 1"):
        find_subjects([folder], phone)


@pytest.mark.parametrize(("sampled_ms", "share"), [(3000.0, 300.0), (60_000.0, 6000.0)])
def test_time_is_shared_among_sessions(sampled_ms: float, share: float) -> None:
    plan = plan_sampling(sampled_ms)
    assert plan.min_ms == share
    assert plan.max_ms >= share
    assert plan.session_limit_s > share / 1000
