"""A loaded TensorRT engine, which runs on the GPU and is timed by CUDA events around a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latency_tables.errors import InputError, MeasurementError
from latency_tables.files import replace_file
from profilers.machine.cuda import CudaError, Driver, Event, Gpu, Graph, Stream
from profilers.machine.nvml import UNKNOWN, GpuWatch, watch_gpu
from profilers.runtimes.session import Array, Port, Session
from profilers.runtimes.tensorrt.binding import Binding

if TYPE_CHECKING:
    import tensorrt as trt

CALLS_BEFORE_CAPTURE = 2
"""TensorRT puts off some work, such as compiling kernels, until the first runs, which cannot be captured therefore."""


class TensorRtSession(Session):
    """An engine with one context on one GPU.

    A call is timed from its launch to its end on the GPU. Its inputs and outputs stay there, so that copies to and from
    the host are not timed.

    Attributes:
        not_captured: Why calls are launched without a CUDA graph; empty where they have one, or nothing is bound.
    """

    def __init__(
        self,
        runtime: str,
        api: Any,
        engine: trt.ICudaEngine,
        driver: Driver,
        gpu: Gpu,
        spins: bool,
        jit_cache: Path | None = None,
        keep: object = None,
    ) -> None:
        """Make a session.

        Args:
            runtime: The runtime's name.
            api: The package of TensorRT.
            engine: The engine.
            driver: CUDA's driver.
            gpu: The GPU to run on.
            spins: Whether a thread that waits for the GPU spins.
            jit_cache: The file in which TensorRT-RTX keeps the kernels that it compiles as it runs.
            keep: Objects that must live as long as the engine.

        Raises:
            CudaError: The driver fails, or the GPU has no memory left.
        """
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == api.TensorIOMode.INPUT]
        super().__init__(
            runtime,
            tuple(_read_port(api, engine, name) for name in inputs),
            tuple(_read_port(api, engine, name) for name in names if name not in inputs),
        )
        self._api, self._engine, self._driver, self._gpu = api, engine, driver, gpu
        self._jit_cache, self._keep = jit_cache, keep
        self._jit: Any = None
        self._binding: Binding | None = None
        self._graph: Graph | None = None
        self.not_captured = ""
        driver.use(gpu.index)
        with ExitStack() as stack:
            self._stream = stack.enter_context(Stream(driver))
            self._start = stack.enter_context(Event(driver, spins))
            self._end = stack.enter_context(Event(driver, spins))
            self._context = self._make_context()
            self._resources = stack.pop_all()

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        self._driver.use(self._gpu.index)
        with Binding(self._driver, self._context, feeds, self.outputs) as binding:
            self._execute()
            self._stream.synchronise()
            outputs = binding.read_outputs()
        if self._binding is not None:
            self._binding.attach()
        return outputs

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        self._unbind()
        self._driver.use(self._gpu.index)
        self._binding = Binding(self._driver, self._context, feeds, self.outputs)
        for _ in range(CALLS_BEFORE_CAPTURE):
            self._execute()
            self._stream.synchronise()
        try:
            self._graph = self._stream.capture(self._execute)
        except MeasurementError as error:
            self.not_captured = str(error)
        launch = self._execute if self._graph is None else partial(self._graph.launch, self._stream)
        return partial(self._time, launch)

    def watch(self) -> Callable[[], tuple[str, ...]]:
        watch = watch_gpu(self._gpu.pci_bus_id)
        before = UNKNOWN if watch is None else watch.read()
        return partial(self._list_doubts, watch, before)

    def time_layers(self, calls: int) -> dict[str, tuple[float, ...]]:
        """The times of the engine's layers on the inputs that are bound.

        They are taken in a context of their own and without a CUDA graph. A run that is profiled is slower, so that the
        times are good for shares alone.

        Args:
            calls: How many calls to profile.

        Returns:
            For each layer of the engine in its order, by its name there, its times in ms.

        Raises:
            InputError: No inputs are bound.
            MeasurementError: The engine does not run.
        """
        if self._binding is None:
            raise InputError("bind the inputs before timing layers")
        self._driver.use(self._gpu.index)
        times: dict[str, list[float]] = {}
        api: Any = self._api

        class Recorder(api.IProfiler):  # type: ignore[misc]
            def __init__(self) -> None:
                api.IProfiler.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                times.setdefault(layer_name, []).append(ms)

        recorder = Recorder()
        context = self._make_context()
        context.profiler = recorder
        self._binding.attach(context)
        for _ in range(CALLS_BEFORE_CAPTURE + calls):
            self._execute(context)
            self._stream.synchronise()
        return {name: tuple(each[-calls:]) for name, each in times.items()}

    def describe_layers(self) -> str:
        """The engine's layers with the operators that they were fused from, as JSON of TensorRT's inspector."""
        information: str = self._engine.create_engine_inspector().get_engine_information(
            self._api.LayerInformationFormat.JSON
        )
        return information

    def close_impl(self) -> None:
        self._unbind()
        self._keep_kernels()
        # TensorRT must free a context before its engine.
        del self._context
        self._resources.close()
        del self._engine
        self._keep = None

    def _make_context(self) -> trt.IExecutionContext:
        engine: Any = self._engine
        if self._jit_cache is None:
            context: trt.IExecutionContext = engine.create_execution_context()
        else:
            config = engine.create_runtime_config()
            self._jit = config.create_runtime_cache()
            if self._jit_cache.exists():
                # TensorRT refuses kernels of another GPU, driver or version, and they are written anew.
                self._jit.deserialize(self._jit_cache.read_bytes())
            config.set_runtime_cache(self._jit)
            context = engine.create_execution_context(config)
        if context is None:
            raise CudaError("no context could be made for the engine; free memory of the GPU")
        return context

    def _keep_kernels(self) -> None:
        if self._jit_cache is not None and self._jit is not None and not self._jit_cache.exists():
            self._jit_cache.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(self._jit_cache) as file:
                file.write(bytes(self._jit.serialize()))

    def _execute(self, context: trt.IExecutionContext | None = None) -> None:
        if not (context or self._context).execute_async_v3(self._stream.address):
            raise MeasurementError(f"{self._runtime} could not queue the model; build its engine anew")

    def _time(self, launch: Callable[[], None]) -> int:
        self._start.record(self._stream)
        launch()
        self._end.record(self._stream)
        self._end.synchronise()
        return self._end.ns_since(self._start)

    def _list_doubts(self, watch: GpuWatch | None, before: Any) -> tuple[str, ...]:
        doubts = () if watch is None else watch.read().list_doubts(before)
        return (*doubts, "launched without a CUDA graph") if self.not_captured else doubts

    def _unbind(self) -> None:
        self.not_captured = ""
        if self._graph is not None:
            self._graph.close()
            self._graph = None
        if self._binding is not None:
            self._binding.close()
            self._binding = None


def _read_port(api: Any, engine: trt.ICudaEngine, name: str) -> Port:
    sizes: Any = engine.get_tensor_shape(name)
    shape = tuple(None if size < 0 else int(size) for size in sizes)
    return Port(name, shape, np.dtype(api.nptype(engine.get_tensor_dtype(name))).name)
