"""A model, loaded: its inputs and outputs, and the calls that are timed."""

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
    """An input or output of a model. ``None`` in ``shape`` is a size that each call may choose."""

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
    """A model, loaded. Close it, or use it as a context."""

    def __init__(self, runtime: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._runtime = runtime
        self._call: Callable[[], object] | None = None
        self._closed = False

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, for inputs by name. :class:`InputError` where an input is missing, unknown or not of
        its shape and type; :class:`MeasurementError` where the runtime fails."""
        checked = self._check(feeds)
        with translate_errors(f"{self._runtime} could not run the model"):
            return self.run_impl(checked)

    def bind(self, feeds: Mapping[str, Array]) -> None:
        """Set the inputs that every :meth:`call` runs on, and have room made for the outputs, once."""
        checked = self._check(feeds)
        with translate_errors(f"{self._runtime} could not bind the model's inputs"):
            self._call = self.bind_impl(checked)

    def call(self) -> object:
        """Run on what is bound, and leave the outputs where they are: this is what is timed.

        Gives the ns that it took by the device's own clock, as an ``int``, where the device has one to be timed by.
        """
        with translate_errors(f"{self._runtime} could not run the model"):
            return self.bound()

    @property
    def bound(self) -> Callable[[], object]:
        """What :meth:`call` calls, with nothing around it: for a timer, whose own time counts beside a short one. It
        raises whatever the runtime does, so call it under :func:`translate_errors`."""
        if self._call is None:
            raise InputError("bind the inputs before calling a session")
        return self._call

    def watch(self) -> Callable[[], tuple[str, ...]]:
        """Begin to watch the device; what is returned tells why a latency sampled since then is in doubt."""
        return tuple

    def close(self) -> None:
        """Give back what the session holds. A second time does nothing."""
        self._call = None
        if not self._closed:
            self._closed = True
            self.close_impl()

    @abc.abstractmethod
    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        """Run once on checked inputs."""

    @abc.abstractmethod
    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        """Bind checked inputs; give what runs on them, and itself gives an ``int`` only for what :meth:`call` says."""

    @abc.abstractmethod
    def close_impl(self) -> None:
        """Give back what the session holds. Called once."""

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
