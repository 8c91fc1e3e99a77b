"""The runtime's own part: what it says it has, and what it refuses. Its GPU is simulated; engines of the real
TensorRT-RTX are built in test_tensorrt_build.py and run in tests/gpu."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import FormatError, InputError, MeasurementError, MismatchError, RuntimeUnavailable
from profilers.machine.environment import read_machine
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.plan import Plan
from profilers.measuring.worker import Worker
from profilers.runtimes.base import Runtime
from profilers.runtimes.tensorrt.build import AMPERE_PLUS, EXACT, SAME_CAPABILITY
from profilers.runtimes.tensorrt.runtime import TensorRt, TensorRtRtx
from tests.profilers.models import make_external_onnx
from tests.profilers.runtimes.contract import RuntimeContract
from tests.support.cuda import ENGINE, KERNEL_NS, FakeCuda
from tests.support.tensorrt import needs_rtx, without_gpu

HERE = "nvidia-geforce-rtx-3090.sm86"


class TestOnASimulatedGpu(RuntimeContract):
    @pytest.fixture
    def runtime(self, cuda: FakeCuda) -> Runtime:
        return TensorRt()

    @pytest.fixture
    def model(self) -> bytes:
        return ENGINE

    @pytest.fixture
    def layered(self) -> tuple[bytes, tuple[str, ...]]:
        return ENGINE, ("first", "second")

    def test_a_change_of_format_is_of_the_layer_before_it(
        self, runtime: Runtime, layered: tuple[bytes, tuple[str, ...]], feeds: dict[str, np.ndarray]
    ) -> None:
        model, names = layered
        shares = runtime.share_layers(model, runtime.spec(), names, feeds)
        assert shares == pytest.approx((0.012 / 0.042, 0.03 / 0.042))

    def test_profiling_leaves_nothing_on_the_gpu(
        self,
        runtime: Runtime,
        cuda: FakeCuda,
        layered: tuple[bytes, tuple[str, ...]],
        feeds: dict[str, np.ndarray],
    ) -> None:
        runtime.share_layers(*layered[:1], runtime.spec(), layered[1], feeds)
        assert set(cuda.live.values()) == {0}

    def test_its_device_spec_has_every_default_filled_in(self, runtime: Runtime) -> None:
        spec = runtime.spec()
        assert (spec.runtime, spec.runtime_version, spec.device) == ("tensorrt", "10.13.0.35", HERE)
        assert (spec.precision, spec.threads, spec.batch, spec.spin) == ("f32", 1, 1, True)
        assert spec.machine == read_machine()

    def test_the_driver_is_part_of_its_device_spec(
        self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("profilers.runtimes.tensorrt.runtime.read_driver_version", lambda: "570.124.06")
        assert runtime.spec().driver == "570.124.06"

    def test_an_input_of_another_batch_is_refused(self, runtime: Runtime, model: bytes) -> None:
        with self.open(runtime, model) as session, pytest.raises(InputError, match="input image is float32"):
            session.run({"image": np.zeros((2, 3, 8, 8), np.float32)})

    def test_calling_what_is_bound_takes_time_on_its_clock(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            session.bind(feeds)
            took = session.call()
            assert isinstance(took, int)
            assert took > 0

    def test_an_engine_that_does_not_load_is_refused_with_the_reason(self, runtime: Runtime) -> None:
        with pytest.raises(MeasurementError, match=r"magicTag does not match in deserialize; export it anew"):
            self.open(runtime, b"something else")

    def test_more_threads_are_refused(self, runtime: Runtime, model: bytes) -> None:
        spec = runtime.spec()
        wide = replace(spec, threads=2, machine=replace(spec.machine, cores=2, cpu_quota=None))
        with pytest.raises(InputError, match="computes on the GPU; ask for 1 thread"):
            runtime.open(model, wide)


@pytest.mark.parametrize(
    ("asked", "found"), [("", HERE), (HERE, HERE), ("sm86", HERE), ("sm80+", HERE), ("sm75+", HERE)]
)
def test_a_gpu_is_found_by_what_fits_it(cuda: FakeCuda, asked: str, found: str) -> None:
    assert TensorRt().spec(DeviceRequest(TensorRt().name, device=asked)).device == found


@pytest.mark.parametrize("asked", ["sm89", "sm89+", "nvidia-a10.sm86"])
def test_an_engine_for_another_gpu_is_refused(cuda: FakeCuda, asked: str) -> None:
    with pytest.raises(InputError, match=rf"{re.escape(asked)}.* {re.escape(HERE)}"):
        TensorRt().spec(DeviceRequest(TensorRt().name, device=asked))


@pytest.mark.parametrize(
    ("hardware", "device"), [(EXACT, HERE), (SAME_CAPABILITY, "sm86"), (AMPERE_PLUS, "sm80+")]
)
def test_an_engines_device_says_what_it_fits(cuda: FakeCuda, hardware: str, device: str) -> None:
    target = TensorRt().engine_spec(hardware=hardware, version_compatible=hardware == SAME_CAPABILITY)
    assert target.device == device
    assert target.runtime_version == ("10.13.0.35+" if hardware == SAME_CAPABILITY else "10.13.0.35")


@pytest.mark.parametrize(
    ("made", "loads"),
    [
        ("10.13.0.35", True),
        ("10.13.0.34", False),
        ("10.3.0.26+", True),
        ("10.14.1.48+", False),
        ("8.6.1+", False),
    ],
)
def test_an_engine_loads_in_the_versions_that_it_was_built_for(
    cuda: FakeCuda, made: str, loads: bool
) -> None:
    runtime = TensorRt()
    spec = replace(runtime.spec(DeviceRequest(runtime.name, precision="f16")), runtime_version=made)
    if loads:
        assert runtime.inspect(ENGINE, spec) == f"an engine for {HERE} in f16 by tensorrt {made}"
    else:
        with pytest.raises(
            MismatchError, match=r"engine is of tensorrt .* here is 10\.13\.0\.35; export it anew"
        ):
            runtime.inspect(ENGINE, spec)


@pytest.mark.parametrize(("value", "trusted"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_engines_that_bring_code_run_only_where_they_are_trusted(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch, value: str | None, trusted: bool
) -> None:
    made: list[Any] = []
    api = sys.modules["tensorrt"]
    make = api.Runtime

    def make_and_keep(logger: Any) -> Any:
        made.append(make(logger))
        return made[-1]

    monkeypatch.setattr(api, "Runtime", make_and_keep)
    monkeypatch.delenv("COMPOFA_TRUST_ENGINES", raising=False)
    if value is not None:
        monkeypatch.setenv("COMPOFA_TRUST_ENGINES", value)
    runtime = TensorRt()
    runtime.open(ENGINE, runtime.spec()).close()
    assert [each.engine_host_code_allowed for each in made] == [trusted]


@needs_rtx
@without_gpu
def test_an_engine_for_elsewhere_names_what_it_fits_and_no_machine() -> None:
    target = TensorRtRtx().engine_spec(precision="f16", capability="12.0", batch=2)
    assert (target.device, target.precision, target.batch) == ("sm120", "f16", 2)
    assert target.describe().endswith("on any machine")
    with pytest.raises(InputError, match="a batch is at least 1"):
        TensorRtRtx().engine_spec(capability="8.6", batch=0)
    with pytest.raises(RuntimeUnavailable, match="build with --compute-capability"):
        TensorRtRtx().engine_spec()


def test_no_engine_is_built_from_a_graph_that_would_read_another_file(
    cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runtime, graph = TensorRt(), make_external_onnx(tmp_path)
    for use in (runtime.open, runtime.build):
        with pytest.raises(FormatError, match="weights in a file"):
            use(graph, runtime.spec())
    with pytest.raises(MeasurementError, match="tensorrt cannot read the graph: not an ONNX model"):
        runtime.build(b"no graph", runtime.spec())


def test_a_visit_is_timed_by_the_gpu(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runtime = TensorRt()
    monkeypatch.setattr("profilers.measuring.worker.find_runtime", lambda name: runtime)
    model = tmp_path / "model.engine"
    model.write_bytes(ENGINE)
    where = {**ModelPaths.hash(model).to_request(), "shape": [1, 3, 8, 8]}
    worker = Worker({"spec": runtime.spec().to_dict(), "reference_calls": 5, **where})
    session = worker.measure_session(
        {"item": "x", "session": 0, "limits": Plan(max_calls=40).limits(), "layer_names": [], **where}
    )
    for samples in (session.samples_ns, session.reference_before_ns, session.reference_after_ns):
        np.testing.assert_allclose(samples, KERNEL_NS, atol=1)
    assert (session.steady, session.flags) == (True, ())
    assert set(cuda.live.values()) == {0}
