import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latency_tables.build import build_table
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, InputError, MeasurementError, MismatchError, WorkerDied
from profilers.machine.environment import read_conditions
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import Progress, measure_models, run_kit
from profilers.runtimes.fake import FakeModel, FakeWorld
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import REFERENCE, make_kit, make_onnx
from tests.support.processes import list_session, wait_for

PLAN = Plan(
    layer_sessions=2, network_sessions=3, min_calls=10, min_ms=1.0, reference_calls=9, session_limit_s=20
)
NOISY = FakeWorld(
    context=0.9, network_ms=0.05, drift=0.1, drift_period_ms=700, placement_noise=0.013,
    call_noise=0.01, outlier_rate=0.02, seed=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def spec() -> DeviceSpec:
    return find_runtime("fake").spec()


def read_networks(kit: Kit) -> list[FakeModel]:
    return [FakeModel.from_bytes(kit.read(item)) for item in kit.measured if item.kind == "network"]


def count_lines(journal: Path) -> int:
    return len(journal.read_text().splitlines()) if journal.exists() else 0


def test_on_a_quiet_device_every_latency_is_the_truth(tmp_path: Path, spec: DeviceSpec) -> None:
    kit = make_kit(tmp_path)
    for measurement in run_kit(kit, spec, None, PLAN):
        truth = FakeModel.from_bytes(kit.read(measurement.item)).true_ms
        assert measurement.latency_ms == pytest.approx(truth, rel=0.002)
        assert len(measurement.sessions) == PLAN.sessions(measurement.item)
        assert measurement.trusted


def test_on_a_noisy_device_the_table_predicts_networks_it_never_saw(tmp_path: Path, spec: DeviceSpec) -> None:
    kit = make_kit(tmp_path, NOISY, networks=16)
    measurements = run_kit(kit, spec, None, replace(PLAN, layer_sessions=3, network_sessions=5))
    seen = [m for m in measurements if m.item.id not in {f"network-{i}" for i in range(10, 16)}]
    table = build_table(spec, kit.architecture, kit.kit_id, kit.items, seen, [read_conditions()])
    errors = [table.predict_ms(model.layers) / model.true_ms - 1 for model in read_networks(kit)[10:]]
    # The drift's mean over a run of few periods, and the noise of placement, are both of a percent or two.
    assert np.abs(errors).max() < 0.05
    assert np.ptp(errors) < 0.04
    assert table.error.mape < 0.03
    assert 0.005 < table.error.noise_floor < 0.03


def test_drift_that_the_reference_shows_is_taken_out(tmp_path: Path, spec: DeviceSpec) -> None:
    kit = make_kit(tmp_path, FakeWorld(drift=0.3, drift_period_ms=900), networks=4)
    for measurement in run_kit(kit, spec, None, PLAN):
        medians = np.array(measurement.session_levels_ms)
        raw = np.array([np.median(session.samples_ns) for session in measurement.sessions])
        assert np.ptp(medians) / medians.mean() < 0.06
    assert np.ptp(raw) / raw.mean() > 0.06


def test_progress_counts_every_session(tmp_path: Path, spec: DeviceSpec) -> None:
    seen: list[Progress] = []
    run_kit(make_kit(tmp_path, networks=2), spec, None, PLAN, seen.append)
    assert [progress.done for progress in seen] == list(range(1, 12 * 2 + 2 * 3 + 1))
    assert {progress.total for progress in seen} == {30}
    assert {progress.resumed for progress in seen} == {0}


def test_an_interrupted_run_goes_on_and_measures_nothing_twice(tmp_path: Path, spec: DeviceSpec) -> None:
    kit, journal = make_kit(tmp_path / "kit", networks=2), tmp_path / "journal"

    def interrupt(progress: Progress) -> None:
        if progress.done == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_kit(kit, spec, journal, PLAN, interrupt)
    first = journal.read_text()
    assert count_lines(journal) == 1 + 11
    seen: list[Progress] = []
    measurements = run_kit(kit, spec, journal, PLAN, seen.append)
    assert seen[0] == Progress(12, 30, 11, seen[0].label)
    assert journal.read_text().startswith(first)
    assert count_lines(journal) == 1 + 30
    assert run_kit(kit, spec, journal, PLAN, seen.append) == measurements
    assert len(seen) == 30 - 11


def test_a_run_tells_of_a_spoilt_line_and_measures_its_session_again(
    tmp_path: Path, spec: DeviceSpec
) -> None:
    kit, journal = make_kit(tmp_path / "kit", networks=2), tmp_path / "journal"
    first = run_kit(kit, spec, journal, PLAN)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:5], b"spoilt\n", *lines[6:]]))
    seen: list[Progress] = []
    again = run_kit(kit, spec, journal, PLAN, seen.append)
    assert [progress.done for progress in seen] == [30]
    assert "1 line could not be read" in seen[0].note
    assert [m.item for m in again] == [m.item for m in first]


@pytest.mark.parametrize("fault", ["crash", "hang", "error"])
def test_a_fault_that_does_not_come_back_is_survived_and_told(
    tmp_path: Path, spec: DeviceSpec, fault: str
) -> None:
    kit = make_kit(tmp_path / "kit", networks=2, fault=fault, marker=str(tmp_path / "failed"))
    seen: list[Progress] = []
    measurements = run_kit(kit, spec, None, replace(PLAN, session_limit_s=2), seen.append)
    assert (tmp_path / "failed").exists()
    assert len(measurements) == 14
    [note] = [progress.note for progress in seen if progress.note]
    assert note.startswith("item network-0 was measured once more: ")
    assert {"crash": "signal", "hang": "did not answer", "error": "it was told to"}[fault] in note


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("crash", WorkerDied, "was ended by signal|ended with exit code"),
        ("hang", WorkerDied, "did not answer within 1 s"),
        ("error", MeasurementError, "it was told to"),
    ],
)
def test_an_item_that_keeps_failing_is_named_and_the_journal_kept(
    tmp_path: Path, spec: DeviceSpec, fault: str, kind: type[Exception], message: str
) -> None:
    kit, journal = make_kit(tmp_path / "kit", networks=2, fault=fault), tmp_path / "journal"
    seen: list[Progress] = []
    with pytest.raises(kind, match=f"item network-0: .*({message})"):
        run_kit(kit, spec, journal, replace(PLAN, session_limit_s=1), seen.append)
    assert count_lines(journal) == 1 + len(seen)


def test_what_the_process_last_said_is_in_the_error(
    tmp_path: Path, spec: DeviceSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_kit(tmp_path, networks=1, fault="crash")
    # The interpreter itself then writes where it was ended.
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    with pytest.raises(WorkerDied, match=r"it last said: .+\)"):
        run_kit(kit, spec, None, PLAN)


def test_a_reference_that_cannot_be_loaded_is_an_error(spec: DeviceSpec) -> None:
    with pytest.raises(InputError, match="the fake model: not the JSON it should be"):
        measure_models({"a": FakeModel(("a",)).to_bytes()}, b"broken", spec, PLAN)


def test_a_device_spec_of_another_machine_or_version_is_refused(tmp_path: Path, spec: DeviceSpec) -> None:
    kit = make_kit(tmp_path, networks=1)
    with pytest.raises(MismatchError, match=r"runtime_version 0\.5"):
        run_kit(kit, replace(spec, runtime_version="0.5"), None, PLAN)
    with pytest.raises(MismatchError, match="machine's cpu_model Other"):
        run_kit(kit, replace(spec, machine=replace(spec.machine, cpu_model="Other")), None, PLAN)


def test_models_are_measured_by_their_labels(spec: DeviceSpec) -> None:
    models = {f"2222{d}@8": FakeModel(("a",) * d) for d in (2, 3)}
    measurements = measure_models(
        {label: model.to_bytes() for label, model in models.items()}, REFERENCE.to_bytes(), spec, PLAN
    )
    assert {m.item.label: m.latency_ms for m in measurements} == pytest.approx(
        {label: model.true_ms for label, model in models.items()}, rel=0.002
    )


def test_models_are_measured_on_onnx_runtime() -> None:
    plan = replace(PLAN, network_sessions=2, min_ms=0.1)
    [measurement] = measure_models(
        {"tiny": make_onnx("batch")}, make_onnx(), find_runtime("onnxruntime").spec(), plan
    )
    assert 0 < measurement.latency_ms < 1000
    assert len(measurement.sessions) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_its_journal_and_no_process(
    tmp_path: Path, ending: signal.Signals
) -> None:
    folder, journal = tmp_path / "kit", tmp_path / "journal"
    models = [(f"n{i}", "network", FakeModel(("a",), fault="hang" if i == 1 else "")) for i in range(2)]
    models.append(("reference", "reference", REFERENCE))
    write_kit(folder, {}, [(make_item(n, kind, m.to_bytes()), m.to_bytes()) for n, kind, m in models])
    code = (
        "import sys; from pathlib import Path; from profilers.measuring.kit import Kit; "
        "from profilers.measuring.plan import Plan; "
        "from profilers.runtimes.registry import find_runtime; from profilers.measuring.runner import run_kit; "
        "import numpy; kit = Kit.load(Path(sys.argv[1])); "
        "run_kit(kit, find_runtime('fake').spec(), Path(sys.argv[2]), Plan())"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(journal)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: len(list_session(parent.pid)) == 2 and journal.exists())
    if ending is signal.SIGINT:
        os.killpg(parent.pid, ending)
    else:
        parent.kill()
    assert parent.wait(timeout=20) != 0
    wait_for(lambda: not list_session(parent.pid))
    assert journal.read_text().endswith("}\n")


@pytest.mark.parametrize("in_process", [False, True])
@pytest.mark.parametrize("id", ["reference", "network-0"])
def test_a_model_that_is_exchanged_after_the_kit_was_checked_is_not_measured(
    tmp_path: Path, spec: DeviceSpec, id: str, in_process: bool
) -> None:
    kit = make_kit(tmp_path)
    (item,) = (item for item in kit.items if item.id == id)
    kit.path(item).write_bytes(FakeModel(("another",)).to_bytes())
    with pytest.raises(FormatError, match=rf"{id}\.onnx: was changed after its hash was checked"):
        run_kit(kit, spec, None, PLAN, in_process=in_process)
