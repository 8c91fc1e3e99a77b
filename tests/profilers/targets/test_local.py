"""This machine as a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, MeasurementError, WorkerDied
from profilers.measuring.kit import Kit
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.fake import FakeModel
from profilers.targets.device import Device, TimedModel
from profilers.targets.local import LocalDevice
from tests.profilers.models import make_kit, make_onnx
from tests.profilers.targets.contract import MODEL, DeviceContract, measure


class TestLocalDevice(DeviceContract):
    @pytest.fixture
    def device(self, tmp_path: Path) -> Device:
        return LocalDevice(tmp_path / "journals")

    def test_a_journal_is_a_file_under_the_runs_name(self, device: Device, kit: Kit, tmp_path: Path) -> None:
        measure(device, kit, "a-run", stop_after=10)
        assert [path.name for path in (tmp_path / "journals").iterdir()] == ["a-run.jsonl"]
        device.forget_run("a-run")
        assert list((tmp_path / "journals").iterdir()) == []

    def test_a_folder_of_journals_that_cannot_be_made_is_one_line(self, kit: Kit, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            InputError, match=r"cannot be made \(Not a directory\); set COMPOFA_CACHE to a folder"
        ):
            measure(LocalDevice(tmp_path / "file" / "journals"), kit, "a-run")

    def test_a_model_that_crashes_ends_its_own_process_alone(self, device: Device, tmp_path: Path) -> None:
        kit = make_kit(tmp_path / "broken", fault="crash")
        with pytest.raises(WorkerDied, match="item network-0: the measuring process was ended by signal 6"):
            measure(device, kit)

    def test_a_comparison_goes_on_after_a_crash(
        self, device: Device, spec: DeviceSpec, tmp_path: Path
    ) -> None:
        broken = FakeModel(MODEL.layers, MODEL.costs_ms, fault="crash", fault_marker=str(tmp_path / "marker"))
        sides = (TimedModel(ModelFiles(model.to_bytes()), spec) for model in (MODEL, broken))
        with device.compare_models(*sides) as measure_block:
            with pytest.raises(WorkerDied):
                measure_block(True, 6)
            assert len(measure_block(True, 6).new_ns) == 24

    def test_a_comparison_names_the_model_that_cannot_be_loaded(
        self, device: Device, spec: DeviceSpec
    ) -> None:
        old, new = (TimedModel(ModelFiles(data), spec) for data in (MODEL.to_bytes(), b"no model"))
        with (
            pytest.raises((InputError, MeasurementError), match="the new model: "),
            device.compare_models(old, new),
        ):
            pass

    def test_nothing_of_a_comparison_or_a_load_stays_on_the_disk(
        self, device: Device, spec: DeviceSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        side = TimedModel(ModelFiles(MODEL.to_bytes()), spec)
        with device.compare_models(side, side) as measure_block:
            measure_block(False, 6)
        device.measure_load(side.files, spec)
        assert list(scratch.iterdir()) == []

    def test_it_runs_a_model_of_a_real_runtime(self, device: Device) -> None:
        spec = device.find_spec(DeviceRequest(batch=2))
        inputs = np.ones((5, 3, 8, 8), np.float32)
        assert device.run_model(ModelFiles(make_onnx(2)), spec, inputs) == pytest.approx(np.ones((5, 3)))
