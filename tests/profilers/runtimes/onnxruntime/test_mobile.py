import numpy as np
import onnxruntime
import pytest

from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError, MeasurementError
from profilers.runtimes.base import Runtime
from profilers.runtimes.onnxruntime.mobile import OnnxRuntimeMobile, convert_to_ort
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime, is_ort_format
from tests.profilers.models import make_onnx
from tests.profilers.runtimes.contract import RuntimeContract
from tests.support.supernets import TINY


class TestOnnxRuntimeMobile(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> Runtime:
        return OnnxRuntimeMobile()

    @pytest.fixture
    def model(self) -> bytes:
        return convert_to_ort(make_onnx(), "arm")

    @pytest.mark.parametrize("platform", ["arm", "amd64"])
    def test_either_format_and_either_platform_gives_the_numbers_of_the_onnx_model(
        self, runtime: Runtime, platform: str, feeds: dict[str, np.ndarray]
    ) -> None:
        spec = runtime.spec(DeviceRequest(runtime.name, graph_level=platform))
        plain = OnnxRuntime()
        with plain.open(make_onnx(), plain.spec()) as session:
            expected = session.run(feeds)["logits"]
        for model in (make_onnx(), convert_to_ort(make_onnx(), platform)):
            with runtime.open(model, spec) as session:
                np.testing.assert_allclose(session.run(feeds)["logits"], expected, rtol=1e-6)


def test_the_formats_are_told_apart() -> None:
    assert is_ort_format(convert_to_ort(make_onnx(), "arm"))
    assert not is_ort_format(make_onnx())
    assert not is_ort_format(b"")


def test_it_is_a_model_that_onnxruntime_takes_for_its_own_format() -> None:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.load_model_format", "ORT")
    session = onnxruntime.InferenceSession(
        convert_to_ort(make_onnx(), "arm"), options, providers=["CPUExecutionProvider"]
    )
    assert [port.name for port in session.get_outputs()] == ["logits"]


def test_an_unknown_platform_and_what_is_no_model_are_refused() -> None:
    with pytest.raises(InputError, match="no target platform 'riscv'; there are arm, amd64"):
        convert_to_ort(make_onnx(), "riscv")
    with pytest.raises(MeasurementError, match="onnxruntime could not convert the model"):
        convert_to_ort(b"no model", "arm")


@pytest.mark.parametrize("platform", ["arm", "amd64"])
def test_a_networks_time_is_divided_over_its_layers_in_either_format(platform: str) -> None:
    layers = list_layers(TINY, Subnet.compound((2,) * 5, 16))
    model = build_network(layers, draw_weights(layers, np.random.default_rng(0)))
    runtime = OnnxRuntimeMobile()
    spec, feeds = (
        runtime.spec(DeviceRequest(runtime.name, graph_level=platform)),
        {"image": np.zeros((1, 3, 16, 16), np.float32)},
    )
    assert runtime.profiles(spec)
    for either in (model, convert_to_ort(model, platform)):
        shares = runtime.share_layers(either, spec, [layer.name for layer in layers], feeds)
        assert sum(shares) == pytest.approx(1)
        assert len(shares) == len(layers)
