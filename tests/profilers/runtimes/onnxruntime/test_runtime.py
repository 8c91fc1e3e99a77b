import sys

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import RuntimeUnavailable
from profilers.runtimes.base import Runtime
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime
from tests.profilers.models import SHAPE, make_onnx
from tests.profilers.runtimes.contract import RuntimeContract


class TestOnnxRuntime(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> Runtime:
        return OnnxRuntime()

    @pytest.fixture
    def model(self) -> bytes:
        return make_onnx()

    def test_its_numbers_are_right(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            logits = session.run(feeds)["logits"]
        np.testing.assert_allclose(logits, np.maximum(feeds["image"], 0).mean((2, 3)), rtol=1e-5)

    def test_a_free_batch_takes_any(self, runtime: Runtime) -> None:
        with self.open(runtime, make_onnx("batch")) as session:
            assert session.inputs[0].shape == (None, 3, 8, 8)
            assert session.run({"image": np.ones((5, *SHAPE[1:]), np.float32)})["logits"].shape == (5, 3)

    @pytest.mark.parametrize("level", ["all", "extended", "basic", "none"])
    def test_every_graph_level_and_spinning_or_not_opens(self, runtime: Runtime, level: str) -> None:
        runtime.open(
            make_onnx(), runtime.spec(DeviceRequest(runtime.name, graph_level=level, spin=level == "all"))
        ).close()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    availability = OnnxRuntime().check()
    assert not availability.works
    assert "pip install onnxruntime" in availability.fix
    with pytest.raises(RuntimeUnavailable, match=r"onnxruntime does not work here: .*pip install"):
        OnnxRuntime().spec()
