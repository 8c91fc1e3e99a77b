"""Memory on the GPU that a TensorRT engine reads its inputs from and writes its outputs to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from latency_tables.errors import InputError, MeasurementError
from profilers.machine.cuda import Driver, Memory
from profilers.runtimes.session import Array, Port

if TYPE_CHECKING:
    import tensorrt as trt


class Binding:
    """Memory on the GPU for the inputs and outputs of a context. Close it, or use it as a context."""

    def __init__(
        self, driver: Driver, context: trt.IExecutionContext, feeds: dict[str, Array], outputs: Sequence[Port]
    ) -> None:
        """Reserve the memory and copy the inputs into it.

        Args:
            driver: CUDA's driver.
            context: The engine's context.
            feeds: An array for each input, by name.
            outputs: The outputs.

        Raises:
            InputError: The engine was not built for inputs of these shapes.
            CudaError: The GPU has no memory left, or the driver fails.
        """
        self._context: trt.IExecutionContext = context
        self._shapes = {name: array.shape for name, array in feeds.items()}
        self._memory: dict[str, Memory] = {}
        self._outputs: dict[str, Array] = {}
        with ExitStack() as stack:
            for name, array in feeds.items():
                self._memory[name] = stack.enter_context(Memory(driver, array.nbytes))
                self._memory[name].write(array)
                _set_shape(context, name, array.shape)
            for port in outputs:
                # The engine knows the outputs' shapes once it knows the inputs'.
                shape: Any = context.get_tensor_shape(port.name)
                self._outputs[port.name] = np.empty(tuple(shape), port.dtype)
                size = self._outputs[port.name].nbytes
                self._memory[port.name] = stack.enter_context(Memory(driver, size))
            self.attach()
            self._resources = stack.pop_all()

    def attach(self, context: trt.IExecutionContext | None = None) -> None:
        """Let a context run on this memory.

        Args:
            context: The context; the one that the memory was reserved for where it is left out.

        Raises:
            InputError: The engine was not built for inputs of these shapes.
            MeasurementError: The engine does not take the memory.
        """
        context = context or self._context
        for name, shape in self._shapes.items():
            _set_shape(context, name, shape)
        for name, memory in self._memory.items():
            if not context.set_tensor_address(name, memory.address):
                raise MeasurementError(f"the engine does not take memory for {name}; build it anew")

    def read_outputs(self) -> dict[str, Array]:
        """The outputs, copied to the host, by name."""
        for name, array in self._outputs.items():
            self._memory[name].read(array)
        return dict(self._outputs)

    def close(self) -> None:
        """Give the memory back."""
        self._resources.close()

    def __enter__(self) -> Binding:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _set_shape(context: trt.IExecutionContext, name: str, shape: tuple[int, ...]) -> None:
    sizes: Any = shape
    if not context.set_input_shape(name, sizes):
        raise InputError(
            f"the engine was not built for an input {name} of {' x '.join(map(str, shape))}; ask for a batch "
            "that is not above the one it was built for"
        )
