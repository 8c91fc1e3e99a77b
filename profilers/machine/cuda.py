"""CUDA's driver, as much of it as running and timing a model takes, by ctypes.

The driver and not the CUDA runtime or one of its Python packages: ``libcuda`` comes with the driver, so that it is
there wherever a model can run at all, and its interface does not change with CUDA's version; the others are one more
install whose version must fit the driver's.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from latency_tables.errors import MeasurementError
from latency_tables.units import NS_PER_MS

if TYPE_CHECKING:
    from typing import Self

Array = NDArray[Any]
LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
SUCCESS = 0
COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76
STREAM_NON_BLOCKING = 1
EVENT_BLOCKING_SYNC = 1
"""The thread that waits for such an event sleeps; for others it spins."""
CAPTURE_THREAD_LOCAL = 1
"""Only calls of the capturing thread can break a capture."""
NAME_LENGTH = 256


class CudaError(MeasurementError):
    """A call of the driver failed."""


@dataclass(frozen=True)
class Gpu:
    """A GPU that the driver finds, by its place among them. ``pci_bus_id`` is what other tools know it by."""

    index: int
    model: str
    capability: tuple[int, int]
    pci_bus_id: str


class Driver:
    """The driver's functions, and the context of one GPU once :meth:`use` chose it.

    ``library`` is what the functions are looked up in. Every failed call raises :class:`CudaError`.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._contexts: dict[int, c_void_p] = {}
        self.call("cuInit", c_uint(0))

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function of the driver; :class:`CudaError` names it and the error."""
        status = getattr(self._library, function)(*arguments)
        if status != SUCCESS:
            text = c_char_p()
            self._library.cuGetErrorName(c_int(status), byref(text))
            name = (text.value or b"unknown error").decode()
            raise CudaError(
                f"the CUDA driver's {function} failed with {name}; look at nvidia-smi, or update the driver"
            )

    def list_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that this process may use, in the driver's order."""
        count = c_int()
        self.call("cuDeviceGetCount", byref(count))
        return tuple(map(self._describe, range(count.value)))

    def use(self, index: int) -> None:
        """Make a GPU's primary context, which TensorRT uses as well, this thread's own."""
        if index not in self._contexts:
            context = c_void_p()
            self.call("cuDevicePrimaryCtxRetain", byref(context), self._find(index))
            self._contexts[index] = context
        self.call("cuCtxSetCurrent", self._contexts[index])

    def _describe(self, index: int) -> Gpu:
        device = self._find(index)
        name = ctypes.create_string_buffer(NAME_LENGTH)
        self.call("cuDeviceGetName", name, c_int(NAME_LENGTH), device)
        bus = ctypes.create_string_buffer(NAME_LENGTH)
        self.call("cuDeviceGetPCIBusId", bus, c_int(NAME_LENGTH), device)
        major, minor = c_int(), c_int()
        self.call("cuDeviceGetAttribute", byref(major), c_int(COMPUTE_CAPABILITY_MAJOR), device)
        self.call("cuDeviceGetAttribute", byref(minor), c_int(COMPUTE_CAPABILITY_MINOR), device)
        capability = (major.value, minor.value)
        return Gpu(index, name.value.decode(errors="replace"), capability, bus.value.decode())

    def _find(self, index: int) -> c_int:
        device = c_int()
        self.call("cuDeviceGet", byref(device), c_int(index))
        return device


class Handle:
    """Something of the driver's that must be given back. Close it, or use it as a context."""

    def __init__(self, driver: Driver, release: str, value: Any) -> None:
        self._driver, self._release, self.value = driver, release, value

    def close(self) -> None:
        """Give it back. A second time does nothing."""
        if self.value:
            self._driver.call(self._release, self.value)
            self.value = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Stream(Handle):
    """A queue of work for the GPU."""

    def __init__(self, driver: Driver) -> None:
        handle = c_void_p()
        driver.call("cuStreamCreate", byref(handle), c_uint(STREAM_NON_BLOCKING))
        super().__init__(driver, "cuStreamDestroy_v2", handle)

    @property
    def address(self) -> int:
        """What TensorRT takes a stream by."""
        return int(self.value.value)

    def synchronise(self) -> None:
        """Wait until all that is queued is done."""
        self._driver.call("cuStreamSynchronize", self.value)

    def capture(self, queue: Callable[[], None]) -> Graph:
        """What ``queue`` puts into this stream, as a graph, without running it.

        :class:`CudaError` where something in it cannot be captured.
        """
        self._driver.call("cuStreamBeginCapture_v2", self.value, c_int(CAPTURE_THREAD_LOCAL))
        captured = c_void_p()
        try:
            try:
                queue()
            finally:
                # Whatever failed, the stream is of no use until its capture has ended.
                self._driver.call("cuStreamEndCapture", self.value, byref(captured))
            return Graph(self._driver, captured)
        finally:
            Handle(self._driver, "cuGraphDestroy", captured).close()


class Graph(Handle):
    """Work that is launched as one."""

    def __init__(self, driver: Driver, captured: c_void_p) -> None:
        handle = c_void_p()
        driver.call("cuGraphInstantiateWithFlags", byref(handle), captured, c_uint64(0))
        super().__init__(driver, "cuGraphExecDestroy", handle)

    def launch(self, stream: Stream) -> None:
        """Queue it."""
        self._driver.call("cuGraphLaunch", self.value, stream.value)


class Event(Handle):
    """A moment in a stream. ``spins`` says whether who waits for it does so busily."""

    def __init__(self, driver: Driver, spins: bool) -> None:
        handle = c_void_p()
        driver.call("cuEventCreate", byref(handle), c_uint(0 if spins else EVENT_BLOCKING_SYNC))
        super().__init__(driver, "cuEventDestroy_v2", handle)

    def record(self, stream: Stream) -> None:
        """Let it happen when the stream has come this far."""
        self._driver.call("cuEventRecord", self.value, stream.value)

    def synchronise(self) -> None:
        """Wait for it."""
        self._driver.call("cuEventSynchronize", self.value)

    def ns_since(self, earlier: Event) -> int:
        """Nanoseconds between two events that have happened, to about half a microsecond."""
        ms = c_float()
        self._driver.call("cuEventElapsedTime", byref(ms), earlier.value, self.value)
        return round(ms.value * NS_PER_MS)


class Memory(Handle):
    """Room for one array on the GPU."""

    def __init__(self, driver: Driver, size_bytes: int) -> None:
        handle = c_uint64()
        driver.call("cuMemAlloc_v2", byref(handle), c_size_t(size_bytes))
        super().__init__(driver, "cuMemFree_v2", handle)

    @property
    def address(self) -> int:
        """What TensorRT takes memory by."""
        return int(self.value.value)

    def write(self, array: Array) -> None:
        """Copy a contiguous array there, and wait until it is."""
        source = c_void_p(array.ctypes.data)
        self._driver.call("cuMemcpyHtoD_v2", self.value, source, c_size_t(array.nbytes))
        # The copy may return while the last of it is still on its way, and our streams wait for no other.
        self._driver.call("cuCtxSynchronize")

    def read(self, array: Array) -> None:
        """Copy what is there into a contiguous array, and wait until it is."""
        target = c_void_p(array.ctypes.data)
        self._driver.call("cuMemcpyDtoH_v2", target, self.value, c_size_t(array.nbytes))


@lru_cache(maxsize=None)
def load_driver() -> Driver:
    """This machine's driver; ``OSError`` where it has none, :class:`CudaError` where it does not work."""
    return Driver(ctypes.CDLL(LIBRARY))
