from __future__ import annotations

import numpy as np
import pytest

from profilers.machine import cuda as module
from profilers.machine.cuda import CudaError, Driver, Event, Gpu, Memory, Stream, load_driver
from tests.support.cuda import GPU, KERNEL_NS, FakeCuda


def test_gpus_are_listed_with_what_they_are() -> None:
    assert Driver(FakeCuda()).list_gpus() == (GPU,)
    assert Gpu(0, "NVIDIA GeForce RTX 3090", (8, 6), "0000:01:00.0") == GPU


def test_a_gpus_context_is_made_once_and_taken_each_time() -> None:
    cuda = FakeCuda()
    driver = Driver(cuda)
    driver.use(0)
    driver.use(0)
    assert cuda.calls.count("cuDevicePrimaryCtxRetain") == 1
    assert cuda.calls.count("cuCtxSetCurrent") == 2


def test_arrays_come_back_from_the_gpu_as_they_went() -> None:
    driver = Driver(FakeCuda())
    array = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float16)
    with Memory(driver, array.nbytes) as memory:
        memory.write(array)
        back = np.empty_like(array)
        memory.read(back)
    np.testing.assert_array_equal(back, array)


def test_events_tell_how_long_the_gpu_took_between_them() -> None:
    cuda = FakeCuda()
    driver = Driver(cuda)
    with Stream(driver) as stream, Event(driver, True) as start, Event(driver, False) as end:
        start.record(stream)
        cuda.queue(lambda: None)
        end.record(stream)
        end.synchronise()
        assert end.ns_since(start) == pytest.approx(KERNEL_NS, abs=1)


def test_a_captured_graph_does_its_work_when_launched_and_not_before() -> None:
    cuda, done = FakeCuda(), []
    driver = Driver(cuda)
    with Stream(driver) as stream:
        with stream.capture(lambda: cuda.queue(lambda: done.append(1))) as graph:
            assert not done
            graph.launch(stream)
            graph.launch(stream)
        assert len(done) == 2
    assert set(cuda.live.values()) == {0}


def test_a_capture_that_fails_is_ended_and_leaves_nothing() -> None:
    cuda = FakeCuda()
    driver = Driver(cuda)

    def fail() -> None:
        raise RuntimeError("not here")

    with Stream(driver) as stream, pytest.raises(RuntimeError, match="not here"):
        stream.capture(fail)
    assert cuda.captured is None
    assert set(cuda.live.values()) == {0}


def test_what_is_closed_twice_is_given_back_once() -> None:
    cuda = FakeCuda()
    stream = Stream(Driver(cuda))
    stream.close()
    stream.close()
    assert cuda.calls.count("cuStreamDestroy_v2") == 1


def test_a_failed_call_names_itself_and_the_error() -> None:
    with pytest.raises(
        CudaError, match="cuInit failed with CUDA_ERROR_INVALID_VALUE; check the GPU with nvidia-smi"
    ):
        Driver(FakeCuda(("cuInit",)))


def test_a_machine_without_a_driver_has_no_library_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIBRARY", "libnone-such.so.1")
    load_driver.cache_clear()
    with pytest.raises(OSError, match="libnone-such"):
        load_driver()
