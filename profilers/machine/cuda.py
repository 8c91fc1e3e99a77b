"""CUDA's driver by ctypes, with the functions that run and time a model.

``libcuda`` comes with the driver, so that it exists wherever a model can run, and its interface does not change with
CUDA's version. The CUDA runtime and its Python packages would be one more install, whose version must fit the driver's.
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
"""A thread that waits for such an event sleeps; it spins for other events."""
CAPTURE_THREAD_LOCAL = 1
"""Only calls of the capturing thread can break a capture."""
NAME_LENGTH = 256


class CudaError(MeasurementError):
    """A call of the driver failed."""


@dataclass(frozen=True)
class Gpu:
    """A GPU that the driver finds.

    Attributes:
        index: Its place among the GPUs of the driver.
        model: Its name, as in ``NVIDIA A10``.
        capability: Its compute capability, as in ``(8, 6)``.
        pci_bus_id: Its PCI address, by which other tools find it.
    """

    index: int
    model: str
    capability: tuple[int, int]
    pci_bus_id: str


class Driver:
    """The driver's functions. Every call that fails raises :class:`CudaError`."""

    def __init__(self, library: Any) -> None:
        """Initialise the driver; ``library`` is an object with the driver's functions."""
        self._library = library
        self._contexts: dict[int, c_void_p] = {}
        self.call("cuInit", c_uint(0))

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function of the driver.

        Args:
            function: The function's name.
            arguments: Its arguments, as ctypes takes them.

        Raises:
            CudaError: The call failed; the message names the function and the error.
        """
        status = getattr(self._library, function)(*arguments)
        if status != SUCCESS:
            text = c_char_p()
            self._library.cuGetErrorName(c_int(status), byref(text))
            name = (text.value or b"unknown error").decode()
            raise CudaError(
                f"the CUDA driver's {function} failed with {name}; check the GPU with nvidia-smi, or update the driver"
            )

    def list_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that this process may use, in the driver's order."""
        count = c_int()
        self.call("cuDeviceGetCount", byref(count))
        return tuple(map(self._describe, range(count.value)))

    def use(self, index: int) -> None:
        """Make a GPU's primary context, which TensorRT uses as well, the current one of this thread."""
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
    """An object of the driver that must be released. Close it, or use it as a context."""

    def __init__(self, driver: Driver, release: str, value: Any) -> None:
        self._driver, self._release, self.value = driver, release, value

    def close(self) -> None:
        """Release it. A second time does nothing."""
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
        """The stream's address, as TensorRT takes it."""
        return int(self.value.value)

    def synchronise(self) -> None:
        """Wait until all queued work is done."""
        self._driver.call("cuStreamSynchronize", self.value)

    def capture(self, queue: Callable[[], None]) -> Graph:
        """Capture work as a graph, without running it.

        Args:
            queue: It queues the work into this stream.

        Raises:
            CudaError: A part of the work cannot be captured.
        """
        self._driver.call("cuStreamBeginCapture_v2", self.value, c_int(CAPTURE_THREAD_LOCAL))
        captured = c_void_p()
        try:
            try:
                queue()
            finally:
                # The stream cannot be used before its capture has ended, even after an error.
                self._driver.call("cuStreamEndCapture", self.value, byref(captured))
            return Graph(self._driver, captured)
        finally:
            Handle(self._driver, "cuGraphDestroy", captured).close()


class Graph(Handle):
    """Captured work that is launched as a whole."""

    def __init__(self, driver: Driver, captured: c_void_p) -> None:
        handle = c_void_p()
        driver.call("cuGraphInstantiateWithFlags", byref(handle), captured, c_uint64(0))
        super().__init__(driver, "cuGraphExecDestroy", handle)

    def launch(self, stream: Stream) -> None:
        """Queue it into a stream."""
        self._driver.call("cuGraphLaunch", self.value, stream.value)


class Event(Handle):
    """A moment in a stream. ``spins`` says whether a thread that waits for it spins."""

    def __init__(self, driver: Driver, spins: bool) -> None:
        handle = c_void_p()
        driver.call("cuEventCreate", byref(handle), c_uint(0 if spins else EVENT_BLOCKING_SYNC))
        super().__init__(driver, "cuEventDestroy_v2", handle)

    def record(self, stream: Stream) -> None:
        """Place it behind the work that the stream has queued."""
        self._driver.call("cuEventRecord", self.value, stream.value)

    def synchronise(self) -> None:
        """Wait until the stream has reached it."""
        self._driver.call("cuEventSynchronize", self.value)

    def ns_since(self, earlier: Event) -> int:
        """Nanoseconds between two events that the stream has reached, to about half a microsecond.

        Args:
            earlier: The earlier event.
        """
        ms = c_float()
        self._driver.call("cuEventElapsedTime", byref(ms), earlier.value, self.value)
        return round(ms.value * NS_PER_MS)


class Memory(Handle):
    """Memory for one array on the GPU."""

    def __init__(self, driver: Driver, size_bytes: int) -> None:
        handle = c_uint64()
        driver.call("cuMemAlloc_v2", byref(handle), c_size_t(size_bytes))
        super().__init__(driver, "cuMemFree_v2", handle)

    @property
    def address(self) -> int:
        """The memory's address, as TensorRT takes it."""
        return int(self.value.value)

    def write(self, array: Array) -> None:
        """Copy a contiguous array into it, and wait for the end of the copy."""
        source = c_void_p(array.ctypes.data)
        self._driver.call("cuMemcpyHtoD_v2", self.value, source, c_size_t(array.nbytes))
        # The copy may return before it has ended, and our streams do not wait for others.
        self._driver.call("cuCtxSynchronize")

    def read(self, array: Array) -> None:
        """Copy its content into a contiguous array, and wait for the end of the copy."""
        target = c_void_p(array.ctypes.data)
        self._driver.call("cuMemcpyDtoH_v2", target, self.value, c_size_t(array.nbytes))


@lru_cache(maxsize=None)
def load_driver() -> Driver:
    """This machine's driver.

    Raises:
        OSError: The machine has none.
        CudaError: The driver does not work.
    """
    return Driver(ctypes.CDLL(LIBRARY))
