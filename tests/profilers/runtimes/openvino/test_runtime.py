import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError, MeasurementError, MismatchError, RuntimeUnavailable
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_models
from profilers.runtimes.base import Runtime
from profilers.runtimes.openvino.runtime import OpenVino, load_openvino
from tests.profilers.models import SHAPE, make_onnx
from tests.profilers.runtimes.contract import RuntimeContract

needs_openvino = pytest.mark.skipif(
    not OpenVino().check().works, reason="OpenVINO does not work here; pip install 'compofa-deploy[openvino]'"
)
TINY_PLAN = Plan(network_sessions=2, min_calls=3, min_ms=0.0, reference_calls=3)


def write_ir(folder: Path, model: bytes) -> tuple[bytes, bytes]:
    """A model's two files as OpenVINO writes them."""
    openvino = load_openvino()
    openvino.save_model(openvino.Core().read_model(model), folder / "model.xml", compress_to_fp16=False)
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()


@needs_openvino
class TestOpenVino(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> Runtime:
        return OpenVino()

    @pytest.fixture
    def model(self) -> bytes:
        return make_onnx()

    def test_its_numbers_are_right(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            logits = session.run(feeds)["logits"]
        np.testing.assert_allclose(logits, np.maximum(feeds["image"], 0).mean((2, 3)), rtol=1e-5)

    def test_what_it_gave_stays_when_it_runs_again(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            first = session.run(feeds)["logits"]
            kept = first.copy()
            session.run({"image": feeds["image"] + 1})
        np.testing.assert_array_equal(first, kept)

    def test_a_free_batch_takes_any(self, runtime: Runtime) -> None:
        with self.open(runtime, make_onnx("batch")) as session:
            assert session.inputs[0].shape == (None, 3, 8, 8)
            assert session.run({"image": np.ones((5, *SHAPE[1:]), np.float32)})["logits"].shape == (5, 3)

    def test_it_computes_in_every_precision_that_it_says_it_has(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        precisions = runtime.precisions_on("cpu")
        assert precisions[0] == "f32"
        for precision in precisions:
            with runtime.open(
                model, runtime.spec(DeviceRequest(runtime.name, precision=precision))
            ) as session:
                logits = session.run(feeds)["logits"]
            np.testing.assert_allclose(logits, np.maximum(feeds["image"], 0).mean((2, 3)), rtol=2e-2)

    def test_a_precision_that_the_machine_lacks_is_refused(
        self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runtime, "_core", FakeCore(), raising=False)
        assert runtime.spec().precision == "f32"
        for precision in ("bf16", "f16"):
            with pytest.raises(InputError, match=f"no precision '{precision}' here; it has f32"):
                runtime.spec(DeviceRequest(runtime.name, precision=precision))

    def test_another_precision_than_was_asked_for_is_refused(
        self, runtime: Runtime, model: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        core = SulkyCore(OpenVino()._core)
        monkeypatch.setattr(runtime, "_core", core, raising=False)
        with pytest.raises(
            MismatchError, match="asked for precision f32 on cpu and uses bf16; ask for what it uses"
        ):
            runtime.open(model, runtime.spec())

    def test_it_reads_a_model_whose_weights_are_apart(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray], tmp_path: Path
    ) -> None:
        graph, weights = write_ir(tmp_path, model)
        with self.open(runtime, model) as whole, runtime.open(graph, runtime.spec(), weights) as apart:
            np.testing.assert_array_equal(whole.run(feeds)["logits"], apart.run(feeds)["logits"])

    def test_a_model_of_two_parts_is_measured(self, runtime: Runtime, model: bytes, tmp_path: Path) -> None:
        graph, weights = write_ir(tmp_path, model)
        (measured,) = measure_models(
            {"apart": graph}, model, runtime.spec(), TINY_PLAN, weights={"apart": weights}
        )
        assert measured.item.size_bytes == len(graph) + len(weights)
        assert measured.latency_ms > 0

    def test_it_cannot_be_kept_from_spinning(self, runtime: Runtime, model: bytes) -> None:
        with pytest.raises(InputError, match="openvino cannot set whether its threads spin"):
            runtime.spec(DeviceRequest(runtime.name, spin=False))
        with pytest.raises(InputError, match="openvino cannot set whether its threads spin"):
            runtime.open(model, replace(runtime.spec(), spin=False))

    def test_an_error_tells_the_reason_and_not_the_place_in_the_source(self, runtime: Runtime) -> None:
        with pytest.raises(MeasurementError, match=r"could not load the model: Unable to read the model"):
            self.open(runtime, b"<not a model")


class SulkyCore:
    """A core that computes in bf16 whatever it is asked for."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self.available_devices = core.available_devices

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def compile_model(self, model: Any, device: str, settings: dict[str, Any]) -> Any:
        if "BF16" not in self._core.get_property(device, "OPTIMIZATION_CAPABILITIES"):
            pytest.skip("this machine has no bf16 to compute in instead")
        return self._core.compile_model(model, device, {**settings, "INFERENCE_PRECISION_HINT": "bf16"})


class FakeCore:
    """A core on a machine that computes in f32 alone."""

    available_devices = ("CPU",)

    def get_property(self, device: str, name: str) -> list[str]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return ["FP32", "INT8"]


@needs_openvino
def test_its_telemetry_stays_out() -> None:
    code = (
        "import sys, threading; from profilers.runtimes.openvino.runtime import load_openvino; load_openvino(); "
        "import openvino.tools.ovc; "
        "print([name for name in sys.modules if 'openvino_telemetry.' in name], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["[]", "1"]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    availability = OpenVino().check()
    assert not availability.works
    assert "pip install 'compofa-deploy[openvino]'" in availability.fix
    with pytest.raises(RuntimeUnavailable, match=r"openvino does not work here: .*pip install"):
        OpenVino().spec()
