"""A session: a loaded model, with its inputs, its outputs and the calls that are timed."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import InputError
from profilers.runtimes.errors import translate_errors

if TYPE_CHECKING:
    from typing import Self

Array = NDArray[Any]


@dataclass(frozen=True)
class Port:
    """An input or output of a model.

    Attributes:
        name: Its name in the model.
        shape: Its sizes; ``None`` stands for a size that each call may choose.
        dtype: The name of its numpy type, as in ``float32``.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def accepts(self, array: Array) -> bool:
        """Whether an array has this shape and type."""
        return (
            array.dtype == self.dtype
            and len(array.shape) == len(self.shape)
            and all(want in (None, have) for want, have in zip(self.shape, array.shape))
        )


class Session(abc.ABC):
    """A loaded model. Close it, or use it as a context."""

    def __init__(self, runtime: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._runtime = runtime
        self._call: Callable[[], object] | None = None
        self._closed = False

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the model once.

        Args:
            feeds: An array for each input, by name.

        Returns:
            An array for each output, by name.

        Raises:
            InputError: An input is missing, unknown, or not of its shape and type.
            MeasurementError: The runtime fails.
        """
        checked = self._check(feeds)
        with translate_errors(f"{self._runtime} could not run the model"):
            return self.run_impl(checked)

    def bind(self, feeds: Mapping[str, Array]) -> None:
        """Set the inputs that every :meth:`call` runs on, and reserve memory for the outputs once.

        Args:
            feeds: An array for each input, by name.

        Raises:
            InputError: An input is missing, unknown, or not of its shape and type.
            MeasurementError: The runtime fails.
        """
        checked = self._check(feeds)
        with translate_errors(f"{self._runtime} could not bind the model's inputs"):
            self._call = self.bind_impl(checked)

    def call(self) -> object:
        """Run on the inputs that are bound, and leave the outputs where they are. This call is timed.

        Returns:
            The call's duration in ns as an ``int``, where the device times it by a clock of its own. Elsewhere it is no
            ``int``.

        Raises:
            InputError: No inputs are bound.
            MeasurementError: The runtime fails.
        """
        with translate_errors(f"{self._runtime} could not run the model"):
            return self.bound()

    @property
    def bound(self) -> Callable[[], object]:
        """The function that :meth:`call` calls, with nothing around it that would add to the time of a short call.

        It raises the runtime's own errors, so call it under :func:`translate_errors`.
        """
        if self._call is None:
            raise InputError("bind the inputs before calling a session")
        return self._call

    def watch(self) -> Callable[[], tuple[str, ...]]:
        """Begin to watch the device.

        Returns:
            A function that lists the reasons to doubt a latency that was sampled since then.
        """
        return tuple

    def close(self) -> None:
        """Release the session's resources. A second time does nothing."""
        self._call = None
        if not self._closed:
            self._closed = True
            self.close_impl()

    @abc.abstractmethod
    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        """Run once on checked inputs."""

    @abc.abstractmethod
    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        """Bind checked inputs and return the function that runs on them, which returns as :meth:`call` does."""

    @abc.abstractmethod
    def close_impl(self) -> None:
        """Release the session's resources. It is called once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        if self._closed:
            raise InputError("the session is closed; open the model again")
        ports = {port.name: port for port in self.inputs}
        if feeds.keys() != ports.keys():
            raise InputError(f"the model's inputs are {', '.join(ports)}; got {', '.join(feeds) or 'none'}")
        for name, array in feeds.items():
            if not ports[name].accepts(array):
                shape = " x ".join("any" if n is None else str(n) for n in ports[name].shape)
                raise InputError(
                    f"input {name} is {ports[name].dtype} of {shape}; got {array.dtype} of "
                    f"{' x '.join(map(str, array.shape))}"
                )
        return {name: np.ascontiguousarray(array) for name, array in feeds.items()}
