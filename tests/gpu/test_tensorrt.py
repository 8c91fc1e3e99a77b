"""TensorRT on a real GPU: engines built, run, timed, measured, exported and verified."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.bundle.verify import check_numbers, verify
from compofa_deploy.export.export import export
from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import sample_compound
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.profile import profile
from latency_tables.device import DeviceRequest
from latency_tables.errors import MeasurementError, MismatchError
from profilers.machine.clock import now_ns
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_models
from profilers.measuring.timing import sample, warm_up
from profilers.runtimes.base import Runtime
from profilers.runtimes.tensorrt.build import PRECISIONS
from profilers.runtimes.tensorrt.runtime import TensorRt
from profilers.runtimes.tensorrt.session import TensorRtSession
from profilers.targets.local import LocalDevice
from tests.profilers.models import make_layered_onnx, make_onnx
from tests.profilers.runtimes.contract import RuntimeContract
from tests.support.supernets import TINY, make_supernet

pytestmark = pytest.mark.gpu
HERE = LocalDevice(Path(tempfile.gettempdir(), "compofa-gpu-journals"))
SUBNET = Subnet.parse("23344@32")
LIMITS: dict[str, Any] = {"min_calls": 200, "min_ms": 50.0, "max_calls": 2000, "max_ms": 2000.0}


@pytest.fixture(scope="module")
def supernet():
    return load_supernet()


def make_graph(supernet, runtime: TensorRt, precision: str, batch: int = 1) -> bytes:
    layers, weights = supernet.layers_of(SUBNET), supernet.weights_of(SUBNET)
    return build_network(layers, weights, batch=batch, form=choose_form(runtime.name, precision))


def open_session(supernet, runtime: TensorRt, precision: str, **settings: Any) -> TensorRtSession:
    spec = runtime.spec(DeviceRequest(runtime.name, precision=precision, **settings))
    session = runtime.open(make_graph(supernet, runtime, precision, spec.batch), spec)
    return cast(TensorRtSession, session)


def draw_images(count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, 32, 32)).astype(np.float32)


class TestTensorRt(RuntimeContract):
    @pytest.fixture
    def runtime(self, tensorrt: TensorRt) -> Runtime:
        return tensorrt

    @pytest.fixture
    def model(self) -> bytes:
        return make_onnx()

    @pytest.fixture
    def layered(self) -> tuple[bytes, tuple[str, ...]]:
        # Large enough for a GPU to take longer for one layer than for the other.
        return make_layered_onnx(side=256)

    def test_its_device_spec_has_every_default_filled_in(self, runtime: Runtime) -> None:
        spec = runtime.spec()
        assert spec.device == runtime.devices[0]
        assert (spec.runtime, spec.precision, spec.threads, spec.batch) == (runtime.name, "f32", 1, 1)

    def test_calling_what_is_bound_takes_time_on_its_clock(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            session.bind(feeds)
            took: Any = session.call()
        assert took > 0

    def test_its_numbers_are_right(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            logits = session.run(feeds)["logits"]
        np.testing.assert_allclose(logits, np.maximum(feeds["image"], 0).mean((2, 3)), rtol=1e-4)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ten_random_subnets_give_the_references_numbers(tensorrt: TensorRt, supernet, precision: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        exported = export(
            supernet,
            sample_compound(rng, 32),
            spec := tensorrt.spec(DeviceRequest(tensorrt.name, precision=precision)),
        )
        check_numbers(exported.deployment, exported.model_files, exported.reference, spec, HERE)


def test_a_batch_gives_what_its_images_give_alone(tensorrt: TensorRt, supernet) -> None:
    images = draw_images(4)
    expected = run_reference(supernet.layers_of(SUBNET), supernet.weights_of(SUBNET), images)
    with open_session(supernet, tensorrt, "f32", batch=4) as session:
        np.testing.assert_allclose(session.run({"image": images})["logits"], expected, atol=1e-3)


@pytest.mark.parametrize("spin", [True, False])
def test_calls_are_captured_in_a_graph_and_timed_by_events(tensorrt: TensorRt, supernet, spin: bool) -> None:
    with open_session(supernet, tensorrt, "f16", spin=spin) as session:
        session.bind({"image": draw_images()})
        assert session.not_captured == ""
        warm_up(session.call, now_ns)
        samples = sample(session.call, now_ns, **LIMITS)
        assert len(samples.ns) >= LIMITS["min_calls"]
        for _ in range(50):
            begun = now_ns()
            took: Any = session.call()
            # What passes on the GPU is part of what passes for the one who waits for it.
            assert 0 < took < now_ns() - begun


def test_what_is_bound_survives_another_run(tensorrt: TensorRt, supernet) -> None:
    with open_session(supernet, tensorrt, "f32") as session:
        session.bind({"image": draw_images()})
        first = session.run({"image": draw_images()})["logits"]
        session.call()
        np.testing.assert_array_equal(session.run({"image": draw_images()})["logits"], first)


def test_layers_are_timed_and_described(tensorrt: TensorRt, supernet) -> None:
    with open_session(supernet, tensorrt, "f16") as session:
        session.bind({"image": draw_images()})
        times = session.time_layers(20)
        described = json.loads(session.describe_layers())
    assert times
    assert all(len(each) == 20 and min(each) >= 0 for each in times.values())
    assert sum(map(np.median, times.values())) > 0
    assert described["Layers"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_runs_time_is_divided_over_all_layers_of_a_subnet(
    tensorrt: TensorRt, supernet, precision: str
) -> None:
    names = [layer.name for layer in supernet.layers_of(SUBNET)]
    shares = tensorrt.share_layers(
        make_graph(supernet, tensorrt, precision),
        tensorrt.spec(DeviceRequest(tensorrt.name, precision=precision)),
        names,
        {"image": draw_images()},
    )
    assert len(shares) == len(names)
    assert sum(shares) == pytest.approx(1)
    # A layer may be fused into its neighbour whole, and most are not.
    assert sum(share > 0 for share in shares) > len(names) / 2


def test_it_is_measured_in_a_process_of_its_own(tensorrt: TensorRt, supernet) -> None:
    graph = make_graph(supernet, tensorrt, "f16")
    (measured,) = measure_models(
        {"it": graph},
        graph,
        tensorrt.spec(DeviceRequest(tensorrt.name, precision="f16")),
        Plan(network_sessions=3),
    )
    assert measured.latency_ms > 0
    assert measured.percentile(50) <= measured.percentile(99)


def test_a_table_is_made_of_layers_and_networks(tensorrt: TensorRt, tmp_path: Path) -> None:
    table = profile(
        TINY,
        tensorrt.spec(DeviceRequest(tensorrt.name, precision="f16")),
        (16,),
        HERE,
        Cache(tmp_path),
        "quick",
    )
    assert table.networks
    assert table.costs_ms
    assert table.error is not None


def test_a_bundle_is_verified_here_and_refused_where_it_does_not_fit(
    tensorrt: TensorRt, tmp_path: Path
) -> None:
    exported = export(
        make_supernet(),
        Subnet.compound((2,) * 5, 16),
        tensorrt.spec(DeviceRequest(tensorrt.name, precision="f16")),
    )
    folder = write_bundle(tmp_path / "bundle", exported.deployment, exported.files).folder
    report = verify(folder, HERE)
    assert report.measured is not None
    assert report.measured.latency_ms > 0
    other = replace(tensorrt.spec(DeviceRequest(tensorrt.name, precision="f16")), runtime_version="0.1")
    with pytest.raises(MismatchError, match=r"engine is of .* 0\.1"):
        tensorrt.inspect(exported.model, other)


def test_an_engine_that_was_cut_off_is_refused(tensorrt: TensorRt, supernet) -> None:
    spec = tensorrt.spec()
    engine = tensorrt.build(make_graph(supernet, tensorrt, "f32"), spec).data
    with pytest.raises(MeasurementError, match="cannot load the engine"):
        tensorrt.open(engine[: len(engine) // 2], spec)


def test_an_engine_for_another_capability_is_refused(tensorrt: TensorRt, supernet) -> None:
    if not tensorrt.flavour.builds_ahead:
        pytest.skip(f"{tensorrt.name} builds for the GPU that is here alone")
    here = tensorrt.spec(DeviceRequest(tensorrt.name, precision="f16"))
    capability = "8.0" if here.device.endswith(".sm120") else "12.0"
    engine = tensorrt.build(
        make_graph(supernet, tensorrt, "f16"), tensorrt.engine_spec(precision="f16", capability=capability)
    )
    with pytest.raises(MeasurementError, match="cannot load the engine"):
        tensorrt.open(engine.data, here)
