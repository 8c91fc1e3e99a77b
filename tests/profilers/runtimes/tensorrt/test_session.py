"""Everything of a session but the device: bound, captured, timed and given back, on a GPU that is simulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_tables.errors import InputError, MeasurementError
from profilers.machine.clock import now_ns
from profilers.machine.cuda import CudaError, Driver
from profilers.machine.nvml import GpuState
from profilers.measuring.timing import sample, warm_up
from profilers.runtimes.tensorrt.session import CALLS_BEFORE_CAPTURE, TensorRtSession
from tests.support.cuda import DESCRIBED, FAKE_API, GPU, KERNEL_NS, LAYER_TIMES_MS, FakeCuda, FakeEngine

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)


def open_session(cuda: FakeCuda, **engine: Any) -> TensorRtSession:
    made: Any = FakeEngine(cuda, **engine)
    return TensorRtSession("tensorrt", FAKE_API, made, Driver(cuda), GPU, spins=True)


def test_kernels_that_were_compiled_are_kept_and_used_again(cuda: FakeCuda, tmp_path: Path) -> None:
    kept = tmp_path / "tensorrt" / "kernels.bin"
    for known in (b"compiled here", b"compiled before"):
        engine: Any = FakeEngine(cuda)
        with TensorRtSession("tensorrt_rtx", FAKE_API, engine, Driver(cuda), GPU, True, kept) as session:
            assert session.run({"image": IMAGE})
        assert engine.kernels == known
        assert kept.read_bytes() == known
        kept.write_bytes(b"compiled before")


def compute(image: np.ndarray) -> np.ndarray:
    return np.maximum(image, 0).mean((2, 3))


@pytest.fixture
def cuda() -> FakeCuda:
    return FakeCuda()


def test_its_ports_are_those_of_the_engine(cuda: FakeCuda) -> None:
    with open_session(cuda, is_open=True) as session:
        ports = [(port.name, port.shape, port.dtype) for port in (*session.inputs, *session.outputs)]
    assert ports == [("image", (None, 3, 8, 8), "float32"), ("logits", (None, 3), "float32")]


def test_it_copies_in_runs_and_copies_out(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        np.testing.assert_array_equal(session.run({"image": IMAGE})["logits"], compute(IMAGE))
        np.testing.assert_array_equal(session.run({"image": IMAGE + 1})["logits"], compute(IMAGE + 1))


def test_a_call_is_timed_on_the_device_and_launched_as_a_graph(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        session.bind({"image": IMAGE})
        cuda.calls.clear()
        assert session.call() == pytest.approx(KERNEL_NS, abs=1)
        assert cuda.calls == [
            "cuEventRecord", "cuGraphLaunch", "cuEventRecord", "cuEventSynchronize", "cuEventElapsedTime",
        ]  # fmt: skip
        assert session.watch()() == ()


def test_what_is_sampled_is_what_the_device_says(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        session.bind({"image": IMAGE})
        assert warm_up(session.call, now_ns).steady
        samples = sample(session.call, now_ns, min_calls=20, min_ms=0.0, max_calls=20, max_ms=1e6)
    assert len(samples.ns) == 20
    assert set(samples.ns) <= {KERNEL_NS - 1, KERNEL_NS, KERNEL_NS + 1}


def test_what_is_put_off_until_the_first_run_is_done_before_capturing(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        session.bind({"image": IMAGE})
        assert cuda.now_ns == CALLS_BEFORE_CAPTURE * KERNEL_NS
        assert cuda.calls.index("cuStreamBeginCapture_v2") > cuda.calls.index("cuStreamSynchronize")


@pytest.mark.parametrize("fault", ["cuStreamBeginCapture_v2", "cuGraphInstantiateWithFlags", "engine"])
def test_where_nothing_can_be_captured_it_runs_without_and_says_so(fault: str) -> None:
    cuda = FakeCuda((fault,) if fault != "engine" else ())
    with open_session(cuda, captures=fault != "engine") as session:
        session.bind({"image": IMAGE})
        assert session.not_captured
        assert session.call() == pytest.approx(KERNEL_NS, abs=1)
        assert session.watch()() == ("launched without a CUDA graph",)
        np.testing.assert_array_equal(session.run({"image": IMAGE})["logits"], compute(IMAGE))
    assert set(cuda.live.values()) == {0}


def test_running_something_else_leaves_what_is_bound_as_it_is(cuda: FakeCuda) -> None:
    with open_session(cuda, batch=4, is_open=True, captures=False) as session:
        session.bind({"image": IMAGE})
        larger = np.concatenate([IMAGE] * 4)
        np.testing.assert_array_equal(session.run({"image": larger})["logits"], compute(larger))
        assert session.call() == pytest.approx(KERNEL_NS, abs=1)


def test_a_batch_that_the_engine_was_not_built_for_is_refused(cuda: FakeCuda) -> None:
    with (
        open_session(cuda, batch=4, is_open=True) as session,
        pytest.raises(InputError, match="not built for an input image of 5 x 3 x 8 x 8"),
    ):
        session.run({"image": np.concatenate([IMAGE] * 5)})
    assert set(cuda.live.values()) == {0}


def test_binding_anew_gives_the_old_room_back(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        session.bind({"image": IMAGE})
        before = dict(cuda.live)
        session.bind({"image": IMAGE + 1})
        assert cuda.live == before
    assert set(cuda.live.values()) == {0}


@pytest.mark.parametrize(
    "fault", ["cuMemAlloc_v2", "cuMemcpyHtoD_v2", "cuStreamSynchronize", "cuEventRecord"]
)
def test_a_call_of_the_driver_that_fails_is_named_and_nothing_is_left(fault: str) -> None:
    cuda = FakeCuda((fault,))
    with open_session(cuda) as session:

        def bind_and_call() -> None:
            session.bind({"image": IMAGE})
            session.call()

        with pytest.raises(CudaError, match=f"{fault} failed with CUDA_ERROR_INVALID_VALUE; check the GPU"):
            bind_and_call()
    assert set(cuda.live.values()) <= {0}


def test_a_session_that_cannot_be_opened_leaves_nothing() -> None:
    cuda = FakeCuda(("cuEventCreate",))
    with pytest.raises(CudaError, match="cuEventCreate"):
        open_session(cuda)
    assert set(cuda.live.values()) == {0}


def test_an_engine_that_will_not_run_is_an_error(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_session(cuda) as session:
        monkeypatch.setattr(type(session._context), "execute_async_v3", lambda *_: False)
        with pytest.raises(MeasurementError, match="could not queue the model; build its engine anew"):
            session.run({"image": IMAGE})


def test_layers_are_timed_in_a_context_of_their_own(cuda: FakeCuda) -> None:
    with open_session(cuda) as session:
        with pytest.raises(InputError, match="bind the inputs"):
            session.time_layers(3)
        session.bind({"image": IMAGE})
        assert session.time_layers(3) == {name: (ms,) * 3 for name, ms in LAYER_TIMES_MS.items()}
        first: Any = session._context
        assert first.profiler is None
        assert json.loads(session.describe_layers())["Layers"] == DESCRIBED


def test_a_gpu_that_slowed_down_meanwhile_puts_the_latency_in_doubt(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = iter([GpuState(1800, ()), GpuState(1200, ("heat",))])

    class Watch:
        def read(self) -> GpuState:
            return next(states)

    monkeypatch.setattr("profilers.runtimes.tensorrt.session.watch_gpu", lambda bus: Watch())
    with open_session(cuda) as session:
        session.bind({"image": IMAGE})
        assert session.watch()() == (
            "the GPU was slowed by heat",
            "the GPU's clock went from 1800 to 1200 MHz",
        )
