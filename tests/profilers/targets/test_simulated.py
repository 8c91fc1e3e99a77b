"""A device that is simulated, whose latencies are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import ConnectionLost, InputError, MeasurementError, RuntimeUnavailable
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.fake import FakeWorld
from profilers.targets.device import Device
from profilers.targets.local import LocalDevice
from profilers.targets.runtime_status import RuntimeStatus
from profilers.targets.simulated import SimulatedDevice
from tests.profilers.models import make_onnx
from tests.profilers.targets.contract import FAKE, PLAN, DeviceContract, measure

CLAIMED = (
    RuntimeStatus("openvino", "2026.1", True, "", "", {"cpu": ("f32", "bf16"), "gpu": ("f16",)}, 8),
    RuntimeStatus("onnxruntime", "", False, "it is not installed", "pip install onnxruntime", {}, 8),
)


def read_latencies(device: Device, kit: Kit, spec: DeviceSpec | None = None) -> dict[str, float]:
    measured = device.measure_kit(kit, spec or device.find_spec(FAKE), PLAN)
    return {m.item.id: m.latency_ms for m in measured.measurements}


def make_onnx_kit(folder: Path) -> Kit:
    """A kit of ONNX models: two networks of the same bytes, one of which is said to have more layers."""
    models = [
        (make_item("reference", "reference", make_onnx(), layers=("r",)), make_onnx()),
        (make_item("short", "network", make_onnx(), layers=("a",)), make_onnx()),
        (make_item("long", "network", make_onnx(), layers=("a", "b")), make_onnx()),
    ]
    return write_kit(folder, {"name": "tiny"}, models)


class TestSimulatedDevice(DeviceContract):
    @pytest.fixture
    def device(self) -> Device:
        return SimulatedDevice(name="a phone")

    @pytest.fixture
    def simulated(self) -> SimulatedDevice:
        return SimulatedDevice()

    @pytest.fixture
    def folder(self) -> str:
        return "bundle"

    @pytest.fixture
    def read_installed(self, device: SimulatedDevice):
        return lambda folder: device.installed[folder]

    def test_a_faster_device_takes_less_time_for_all_alike(
        self, simulated: SimulatedDevice, kit: Kit
    ) -> None:
        before = read_latencies(simulated, kit)
        simulated.speed = 2.0
        after = read_latencies(simulated, kit)
        assert {id: before[id] / ms for id, ms in after.items()} == pytest.approx(
            dict.fromkeys(before, 2.0), rel=0.02
        )

    def test_a_model_can_be_slower_than_its_layers_say(self, simulated: SimulatedDevice, kit: Kit) -> None:
        before = read_latencies(simulated, kit)
        simulated.slow_down = lambda label: 1.5 if label == "network-1" else 1.0
        after = read_latencies(simulated, kit)
        factors = {id: ms / before[id] for id, ms in after.items()}
        assert factors == pytest.approx({id: 1.5 if id == "network-1" else 1.0 for id in before}, rel=0.02)

    def test_a_model_of_any_format_takes_what_its_layers_cost(
        self, simulated: SimulatedDevice, tmp_path: Path
    ) -> None:
        simulated.world, simulated.cost_ms = (
            FakeWorld(launch_ms=0.1),
            {"a": 1.0, "b": 2.0, "r": 1.0}.__getitem__,
        )
        found = read_latencies(simulated, make_onnx_kit(tmp_path / "onnx"))
        assert found == pytest.approx({"short": 1.1, "long": 3.1}, rel=0.01)

    def test_the_same_device_measures_the_same_each_time(self, kit: Kit) -> None:
        world = FakeWorld(placement_noise=0.05, call_noise=0.02, drift=0.1)
        found = []
        for _ in range(2):
            device = SimulatedDevice()
            device.world = world
            found.append(read_latencies(device, kit))
        assert found[0] == found[1]

    def test_a_connection_that_is_lost_once_is_taken_up_by_the_next_run(
        self, simulated: SimulatedDevice, kit: Kit
    ) -> None:
        simulated.stops_after = 10
        with pytest.raises(ConnectionLost, match="goes on from what is measured there"):
            measure(simulated, kit, "a-run")
        assert {progress.resumed for progress in measure(simulated, kit, "a-run")} == {10}

    def test_a_fault_of_a_model_is_raised_when_it_is_measured(
        self, simulated: SimulatedDevice, kit: Kit
    ) -> None:
        simulated.faults["network-2"] = MeasurementError("the device ran out of memory; close other programs")
        with pytest.raises(MeasurementError, match="out of memory"):
            measure(simulated, kit)

    def test_it_notes_what_it_was_asked_to_measure(self, simulated: SimulatedDevice, tmp_path: Path) -> None:
        measure(simulated, make_onnx_kit(tmp_path / "onnx"))
        assert simulated.measured == [["short", "long"]]

    def test_other_work_shows_in_its_conditions(self, simulated: SimulatedDevice, kit: Kit) -> None:
        simulated.load_average = 3.0
        measured = simulated.measure_kit(kit, simulated.find_spec(FAKE), PLAN)
        assert [c.load_average for c in (*measured.conditions, simulated.read_conditions())] == [3.0] * 3

    def test_it_claims_the_runtimes_that_it_is_given(self, kit: Kit) -> None:
        device = SimulatedDevice(statuses=CLAIMED)
        assert device.list_runtimes() == CLAIMED
        spec = device.find_spec(DeviceRequest("openvino", threads=8, precision="bf16"))
        assert (spec.runtime_version, spec.device, spec.precision, spec.threads) == (
            "2026.1",
            "cpu",
            "bf16",
            8,
        )
        assert device.measure_kit(kit, spec, PLAN).spec == spec

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (DeviceRequest("tensorrt"), "no runtime 'tensorrt'; there are openvino, onnxruntime"),
            (DeviceRequest("openvino", "npu"), "openvino has no device 'npu' here; it has cpu, gpu"),
            (DeviceRequest("openvino", "gpu", "f32"), "openvino has no precision 'f32' here; it has f16"),
            (DeviceRequest("openvino", threads=9), "9 threads were asked for, and this process may use 8"),
        ],
    )
    def test_what_it_does_not_claim_is_refused(self, wrong: DeviceRequest, message: str) -> None:
        with pytest.raises(InputError, match=message):
            SimulatedDevice(statuses=CLAIMED).find_spec(wrong)

    def test_a_runtime_that_it_claims_not_to_have_is_not_available(self) -> None:
        with pytest.raises(RuntimeUnavailable, match="it is not installed; pip install onnxruntime"):
            SimulatedDevice(statuses=CLAIMED).find_spec(DeviceRequest())

    def test_another_device_gives_the_numbers(self, tmp_path: Path) -> None:
        device = SimulatedDevice(LocalDevice(tmp_path))
        spec = device.find_spec(DeviceRequest())
        inputs = np.full((2, 3, 8, 8), 0.5, np.float32)
        assert device.run_model(ModelFiles(make_onnx()), spec, inputs) == pytest.approx(np.full((2, 3), 0.5))

    def test_without_it_a_model_of_a_real_runtime_has_no_numbers(self) -> None:
        device = SimulatedDevice(statuses=CLAIMED)
        with pytest.raises(MeasurementError, match="give it another device for the numbers"):
            device.run_model(
                ModelFiles(b""), device.find_spec(DeviceRequest("openvino")), np.zeros((1, 3, 8, 8))
            )
