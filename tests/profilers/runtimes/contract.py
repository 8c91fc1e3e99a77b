"""What every runtime must do; each runtime's test subclasses :class:`RuntimeContract`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError, MeasurementError, MismatchError
from latency_tables.machine import Machine
from profilers.machine.environment import read_machine
from profilers.measuring.open_model import make_feeds
from profilers.runtimes.base import Runtime
from profilers.runtimes.session import Session
from tests.profilers.models import make_layered_onnx

WIDE_MACHINE = Machine("A CPU", "x86_64", (), 64, None, "Linux")


class RuntimeContract(ABC):
    """``model`` takes float32 ``image`` (1, 3, 8, 8)."""

    @pytest.fixture
    @abstractmethod
    def runtime(self) -> Runtime: ...

    @pytest.fixture
    @abstractmethod
    def model(self) -> bytes: ...

    @pytest.fixture
    def feeds(self) -> dict[str, np.ndarray]:
        return {"image": np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)}

    def open(self, runtime: Runtime, model: bytes) -> Session:
        return runtime.open(model, runtime.spec())

    def test_it_works_here_and_has_a_version(self, runtime: Runtime) -> None:
        assert runtime.check().works
        assert runtime.version()

    def test_its_device_spec_has_every_default_filled_in(self, runtime: Runtime) -> None:
        spec = runtime.spec()
        assert (spec.runtime, spec.runtime_version) == (runtime.name, runtime.version())
        assert (spec.device, spec.precision, spec.threads, spec.batch, spec.spin) == (
            "cpu",
            "f32",
            1,
            1,
            True,
        )
        assert spec.machine == read_machine()

    def test_the_same_inputs_give_the_same_outputs(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            first, second = session.run(feeds), session.run(feeds)
        assert list(first) == [port.name for port in session.outputs]
        for port in session.outputs:
            assert port.accepts(first[port.name])
            np.testing.assert_array_equal(first[port.name], second[port.name])

    def test_calling_what_is_bound_takes_time_on_its_clock(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            session.bind(feeds)
            begun = runtime.clock()
            session.call()
            assert runtime.clock() > begun

    @pytest.mark.parametrize(
        ("shape", "dtype"), [((1, 3, 8, 9), "float32"), ((3, 8, 8), "float32"), ((1, 3, 8, 8), "float64")]
    )
    def test_an_input_of_another_shape_or_type_is_refused(
        self, runtime: Runtime, model: bytes, shape: tuple[int, ...], dtype: str
    ) -> None:
        with (
            self.open(runtime, model) as session,
            pytest.raises(InputError, match="input image is float32"),
        ):
            session.run({"image": np.zeros(shape, dtype)})

    def test_unknown_and_missing_inputs_are_refused(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        with self.open(runtime, model) as session:
            for wrong in ({}, {"picture": feeds["image"]}, {**feeds, "more": feeds["image"]}):
                with pytest.raises(InputError, match="the model's inputs are image; got"):
                    session.bind(wrong)

    def test_a_session_must_be_bound_and_open_to_be_called(
        self, runtime: Runtime, model: bytes, feeds: dict[str, np.ndarray]
    ) -> None:
        session = self.open(runtime, model)
        with pytest.raises(InputError, match="bind the inputs"):
            session.call()
        session.bind(feeds)
        session.close()
        session.close()
        with pytest.raises(InputError, match="bind the inputs"):
            session.call()
        with pytest.raises(InputError, match="session is closed"):
            session.run(feeds)

    @pytest.mark.parametrize("broken", [b"", b"not a model", b"\x00" * 100])
    def test_bytes_that_are_no_model_are_refused_in_one_line(self, runtime: Runtime, broken: bytes) -> None:
        with pytest.raises((InputError, MeasurementError)) as caught:
            self.open(runtime, broken)
        assert len(str(caught.value).splitlines()) == 1

    def test_a_device_spec_of_another_version_is_refused(self, runtime: Runtime, model: bytes) -> None:
        with pytest.raises(MismatchError, match=r"device spec is of .* 0.1"):
            runtime.open(model, replace(runtime.spec(), runtime_version="0.1"))

    @pytest.mark.parametrize(
        "wrong",
        [{"precision": "f7"}, {"device": "tpu"}, {"graph_level": "most"}, {"threads": 0}, {"batch": 0}],
    )
    def test_what_it_does_not_have_is_refused(self, runtime: Runtime, wrong: dict[str, object]) -> None:
        with pytest.raises(InputError, match=r"it has|at least 1"):
            runtime.spec(DeviceRequest(runtime.name, **wrong))  # type: ignore[arg-type]

    def test_more_threads_than_cores_are_refused(self, runtime: Runtime) -> None:
        assert runtime.spec(DeviceRequest(runtime.name, threads=64), machine=WIDE_MACHINE).threads == 64
        with pytest.raises(InputError, match="65 threads were asked for, and this process may use 64"):
            runtime.spec(DeviceRequest(runtime.name, threads=65), machine=WIDE_MACHINE)

    @pytest.fixture
    def layered(self) -> tuple[bytes, tuple[str, ...]]:
        """A model of two layers of which the second takes far longer, and their names."""
        return make_layered_onnx()

    def test_it_tells_how_a_run_divides_over_its_layers_or_that_it_cannot(
        self, runtime: Runtime, layered: tuple[bytes, tuple[str, ...]]
    ) -> None:
        model, names = layered
        spec = runtime.spec()
        if not runtime.profiles(spec):
            with pytest.raises(MeasurementError, match="has no profiler for a model's layers"):
                runtime.share_layers(model, spec, names, {})
            return
        with runtime.open(model, spec) as session:
            feeds = make_feeds(session, 1)
        shares = runtime.share_layers(model, spec, names, feeds)
        assert sum(shares) == pytest.approx(1)
        assert 0 < shares[0] < 0.5 < shares[1]
        with pytest.raises(MeasurementError, match="does not name the model's layers"):
            runtime.share_layers(model, spec, ("third", "fourth", "fifth"), feeds)
