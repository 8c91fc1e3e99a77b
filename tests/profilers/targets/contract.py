"""What every device does, whatever the target: each target's test class inherits these tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, InputError, MeasurementError, MismatchError
from profilers.measuring.kit import Kit
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.plan import Plan
from profilers.measuring.runner import Progress
from profilers.runtimes.fake import FakeModel
from profilers.targets.device import Device, TimedModel
from tests.profilers.models import make_kit

PLAN = Plan(layer_sessions=2, network_sessions=2, min_calls=5, min_ms=0.0, max_calls=5, reference_calls=5)
SESSIONS = 36
FAKE = DeviceRequest("fake")
MODEL = FakeModel(("a", "b"), (0.2, 0.3))
FILES = {"model.onnx": b"a model", "deployment.json": b"{}"}


class Stop(Exception):
    """Ends a run in the middle."""


def measure(device: Device, kit: Kit, key: str = "", stop_after: int = SESSIONS) -> list[Progress]:
    """Measure a kit, and give what was told of the progress; the run is stopped after so many sessions."""
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == stop_after < SESSIONS:
            raise Stop

    with suppress(Stop):
        device.measure_kit(kit, device.find_spec(FAKE), PLAN, key, watch)
    return seen


class DeviceContract:
    """Subclass it with the fixtures ``device``, ``folder`` and ``read_installed``."""

    @pytest.fixture
    def device(self) -> Device:
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path: Path) -> str:
        """A folder on the device that is not there yet."""
        return str(tmp_path / "installed" / "bundle")

    @pytest.fixture
    def read_installed(self) -> Callable[[str], dict[str, bytes]]:
        """Reads the files of a folder on the device, by their paths within it."""
        return lambda folder: {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in Path(folder).rglob("*")
            if path.is_file()
        }

    @pytest.fixture
    def kit(self, tmp_path: Path) -> Kit:
        return make_kit(tmp_path / "kit")

    @pytest.fixture
    def spec(self, device: Device) -> DeviceSpec:
        return device.find_spec(FAKE)

    def test_it_lists_its_runtimes_with_the_precisions_of_each_device(self, device: Device) -> None:
        status = next(status for status in device.list_runtimes() if status.name == "fake")
        assert (status.works, status.version, status.why, status.fix) == (True, "1.0", "", "")
        assert (status.devices, dict(status.precisions)) == (("cpu",), {"cpu": ("f32",)})
        assert status.max_threads == device.read_machine().usable_threads

    def test_a_device_spec_names_the_devices_own_machine_and_every_default(
        self, device: Device, spec: DeviceSpec
    ) -> None:
        assert spec.machine == device.read_machine()
        assert (spec.runtime, spec.runtime_version, spec.device, spec.precision) == (
            "fake",
            "1.0",
            "cpu",
            "f32",
        )
        assert device.find_spec(DeviceRequest.of(spec)) == spec
        assert device.find_spec(DeviceRequest("fake", batch=4)).batch == 4

    @pytest.mark.parametrize(
        "request_",
        [DeviceRequest("abacus"), DeviceRequest("fake", precision="f7"), DeviceRequest("fake", threads=4096)],
    )
    def test_what_it_does_not_have_is_refused_in_one_line(
        self, device: Device, request_: DeviceRequest
    ) -> None:
        with pytest.raises(InputError) as caught:
            device.find_spec(request_)
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value).startswith(device.name)

    def test_its_conditions_can_be_read(self, device: Device) -> None:
        first, second = device.read_conditions(), device.read_conditions()
        assert first.when <= second.when

    def test_it_measures_what_the_models_take(self, device: Device, kit: Kit, spec: DeviceSpec) -> None:
        seen: list[Progress] = []
        measured = device.measure_kit(kit, spec, PLAN, "", seen.append)
        assert [progress.done for progress in seen] == list(range(1, SESSIONS + 1))
        assert {progress.total for progress in seen} == {SESSIONS}
        assert (measured.kit_id, measured.items, measured.spec) == (kit.kit_id, kit.items, spec)
        assert measured.plan == PLAN.to_dict()
        for measurement in measured.measurements:
            truth = FakeModel.from_bytes(kit.read(measurement.item)).true_ms
            assert measurement.latency_ms == pytest.approx(truth, rel=0.02)

    def test_a_device_spec_of_another_machine_is_refused(
        self, device: Device, kit: Kit, spec: DeviceSpec
    ) -> None:
        elsewhere = replace(spec, machine=replace(spec.machine, cpu_model="Another CPU"))
        with pytest.raises(
            MismatchError, match=r"device spec to measure is of machine's cpu_model Another CPU"
        ):
            device.measure_kit(kit, elsewhere, PLAN)

    def test_a_run_that_was_stopped_goes_on_until_it_is_forgotten(self, device: Device, kit: Kit) -> None:
        first = measure(device, kit, "a-run", stop_after=10)
        assert {progress.resumed for progress in first} == {0}
        # Sessions that end before the device notices are kept too; where all of them are, nothing is left to do.
        resumed = {progress.resumed for progress in measure(device, kit, "a-run")} or {SESSIONS}
        assert len(resumed) == 1
        assert min(resumed) >= 10
        device.forget_run("a-run")
        assert {progress.resumed for progress in measure(device, kit, "a-run")} == {0}

    def test_runs_of_other_names_know_nothing_of_each_other(self, device: Device, kit: Kit) -> None:
        measure(device, kit, "a-run", stop_after=10)
        assert {progress.resumed for progress in measure(device, kit, "another")} == {0}

    def test_of_a_run_without_a_name_nothing_is_kept(self, device: Device, kit: Kit) -> None:
        measure(device, kit, "", stop_after=10)
        assert {progress.resumed for progress in measure(device, kit, "")} == {0}

    def test_a_run_that_never_was_can_be_forgotten(self, device: Device) -> None:
        device.forget_run("never")

    @pytest.mark.parametrize("key", ["../up", "a/b", ".hidden", "a b"])
    def test_a_name_that_could_lead_elsewhere_is_refused(self, device: Device, kit: Kit, key: str) -> None:
        with pytest.raises(InputError, match="cannot name a run"):
            measure(device, kit, key)
        with pytest.raises(InputError, match="cannot name a run"):
            device.forget_run(key)

    @pytest.mark.parametrize("rows", [1, 4, 9])
    def test_it_runs_a_model_on_any_number_of_inputs(self, device: Device, rows: int) -> None:
        inputs = np.random.default_rng(0).random((rows, 3, 8, 8)).astype(np.float32)
        spec = device.find_spec(DeviceRequest("fake", batch=4))
        outputs = device.run_model(ModelFiles(MODEL.to_bytes()), spec, inputs)
        assert outputs.shape == (rows, MODEL.classes)
        assert outputs == pytest.approx(inputs.mean((1, 2, 3))[:, None] + np.arange(MODEL.classes), abs=1e-5)

    def test_it_runs_a_model_on_one_chunk_after_the_other(self, device: Device, spec: DeviceSpec) -> None:
        chunks = [np.full((rows, 3, 8, 8), rows, np.float32) for rows in (2, 3)]
        found = list(device.iterate_outputs(ModelFiles(MODEL.to_bytes()), spec, iter(chunks)))
        assert [len(outputs) for outputs in found] == [2, 3]
        assert [outputs[0, 0] for outputs in found] == pytest.approx([2, 3])

    def test_inputs_of_another_shape_are_refused_in_one_line(self, device: Device, spec: DeviceSpec) -> None:
        with pytest.raises(InputError, match="input image is float32 of any x 3 x 8 x 8") as caught:
            device.run_model(ModelFiles(MODEL.to_bytes()), spec, np.zeros((1, 3, 9, 9), np.float32))
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value).startswith(device.name)

    def test_bytes_that_are_no_model_are_refused_in_one_line(self, device: Device, spec: DeviceSpec) -> None:
        with pytest.raises((InputError, MeasurementError)) as caught:
            device.run_model(ModelFiles(b"no model"), spec, np.zeros((1, 3, 8, 8), np.float32))
        assert len(str(caught.value).splitlines()) == 1
        assert str(caught.value).startswith(device.name)

    def test_a_runtime_that_compiles_no_models_says_so(self, device: Device, spec: DeviceSpec) -> None:
        with pytest.raises(MismatchError, match="fake compiles no models ahead of a run"):
            device.compile_model(ModelFiles(MODEL.to_bytes()), spec)
        assert device.inspect_model(ModelFiles(MODEL.to_bytes()), spec) == ""

    @pytest.mark.parametrize("new_first", [False, True])
    def test_two_models_are_timed_side_by_side(
        self, device: Device, spec: DeviceSpec, new_first: bool
    ) -> None:
        twice = FakeModel(MODEL.layers, tuple(2 * cost for cost in MODEL.costs_ms))
        old, new = (TimedModel(ModelFiles(model.to_bytes()), spec) for model in (MODEL, twice))
        with device.compare_models(old, new) as measure_block:
            blocks = [measure_block(new_first, 6) for _ in range(2)]
        for block in blocks:
            assert (len(block.old_ns), len(block.new_ns), block.new_first) == (24, 24, new_first)
            assert min(block.new_ns) / min(block.old_ns) == pytest.approx(1.002 / 0.502, rel=0.05)

    def test_it_says_what_loading_a_model_takes(self, device: Device, spec: DeviceSpec) -> None:
        load = device.measure_load(ModelFiles(MODEL.to_bytes()), spec)
        assert load.load_ms >= 0
        assert load.memory_bytes is None or load.memory_bytes >= 0

    def test_a_bundle_is_installed_whole_and_a_second_time_changes_nothing(
        self, device: Device, folder: str, read_installed: Callable[[str], dict[str, bytes]]
    ) -> None:
        files = {**FILES, "parts/weights.bin": bytes(range(256)) * 40}
        device.install(files, folder)
        assert read_installed(folder) == files
        device.install(files, folder)
        assert read_installed(folder) == files

    def test_a_folder_that_holds_something_else_is_refused_and_left_alone(
        self, device: Device, folder: str, read_installed: Callable[[str], dict[str, bytes]]
    ) -> None:
        device.install(FILES, folder)
        with pytest.raises(InputError, match="exists and holds something else") as caught:
            device.install({**FILES, "model.onnx": b"another"}, folder)
        assert str(caught.value).startswith(device.name)
        assert read_installed(folder) == FILES

    @pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b", "", "a\\b"])
    def test_a_file_that_would_lie_outside_the_folder_is_refused(
        self, device: Device, folder: str, name: str
    ) -> None:
        with pytest.raises(InputError, match="is not the path of a file within a folder"):
            device.install({name: b""}, folder)

    def test_closing_twice_does_nothing(self, device: Device) -> None:
        with device as opened:
            assert opened is device
        device.close()

    def test_its_errors_begin_with_its_name_once(self, device: Device) -> None:
        with pytest.raises(CompofaError) as caught:
            device.find_spec(DeviceRequest("abacus"))
        assert str(caught.value).count(f"{device.name}: ") == (
            1 if device.name else str(caught.value).count(": ")
        )
