"""The contract of a device: a target that was reached, where models are run and measured.

A target overrides only the methods whose names end in ``_impl``. This class checks what goes in and out, and puts the
device's name in front of its errors. Nothing here assumes a shell, a file path on the device, or that we call it.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import TypeVar

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, InputError, MismatchError
from latency_tables.machine import Conditions, Machine
from latency_tables.measured_kit import MeasuredKit
from profilers.measuring.kit import Kit
from profilers.measuring.load_cost import Load
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.paired_process import MeasureBlock
from profilers.measuring.paired_worker import Block
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress
from profilers.runtimes.session import Array
from profilers.targets.runtime_status import RuntimeStatus

Self = TypeVar("Self", bound="Device")

_RUN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True)
class TimedModel:
    """A model with the device spec that it is timed under."""

    files: ModelFiles
    spec: DeviceSpec


class Device(abc.ABC):
    """A target that was reached. Close it, or use it as a context.

    Attributes:
        name: The name that errors begin with; empty for this machine.
    """

    name: str = ""

    def list_runtimes(self) -> tuple[RuntimeStatus, ...]:
        """The state of each runtime on the device.

        Raises:
            ConnectionLost: The device cannot be reached. Every other method raises it too.
        """
        with self._name_errors():
            return self.list_runtimes_impl()

    def read_machine(self) -> Machine:
        """The fingerprint of the device's machine."""
        with self._name_errors():
            return self.read_machine_impl()

    def read_conditions(self) -> Conditions:
        """What the device's machine is doing now."""
        with self._name_errors():
            return self.read_conditions_impl()

    def find_spec(self, request: DeviceRequest) -> DeviceSpec:
        """The device spec of a request on the device.

        Raises:
            InputError: The request names a runtime or a setting that is not there.
            MismatchError: The device cannot stand for a real one, because its CPU is emulated.
            RuntimeUnavailable: The runtime does not work there.
        """
        with self._name_errors():
            return self.find_spec_impl(request)

    def inspect_model(self, model: ModelFiles, spec: DeviceSpec) -> str:
        """What a compiled model was built for, in a few words, without running it.

        Args:
            model: The model.
            spec: The device spec that it was built for.

        Returns:
            The words; empty where the runtime compiles no models.

        Raises:
            MismatchError: The runtime could not load the model.
            RuntimeUnavailable: The runtime is not installed there.
        """
        with self._name_errors():
            return self.inspect_model_impl(model, spec)

    def measure_kit(
        self,
        kit: Kit,
        spec: DeviceSpec,
        plan: Plan,
        run_key: str = "",
        on_progress: OnProgress | None = None,
    ) -> MeasuredKit:
        """Measure a kit.

        Args:
            kit: The models to measure.
            spec: The device spec to measure them under.
            plan: How long and how often to measure.
            run_key: The name of the run. A run that was stopped goes on under the same name until :meth:`forget_run`.
                With an empty name nothing is kept.
            on_progress: Called after each session.

        Returns:
            The measurements, in the kit's order.

        Raises:
            InputError: The journal of the run cannot be written.
            MeasurementError: A model cannot be loaded or run; the message names the item.
            MismatchError: The device spec is not that of the device, or of another batch than the kit.
            WorkerDied: A model crashed the runtime, or took too long.
        """
        _check_run_key(run_key)
        with self._name_errors():
            measured = self.measure_kit_impl(kit, spec, plan, run_key, on_progress)
            if measured.kit_id != kit.kit_id or measured.plan != plan.to_dict():
                raise MismatchError("it measured another kit, or otherwise than asked; measure again")
            return measured

    def forget_run(self, run_key: str) -> None:
        """Remove what the device keeps of a run whose result is safe; do nothing where it keeps nothing."""
        _check_run_key(run_key)
        with self._name_errors():
            self.forget_run_impl(run_key)

    def run_model(self, model: ModelFiles, spec: DeviceSpec, inputs: Array) -> Array:
        """Run a model on inputs.

        Args:
            model: The model, which has one input.
            spec: The device spec to run it under; its batch is that of the model.
            inputs: The inputs (n, ...), for any n of at least 1.

        Returns:
            The model's first output (n, ...).

        Raises:
            InputError: The inputs are not of the model's shape and type.
            MeasurementError: The model cannot be loaded or run.
        """
        (outputs,) = self.iterate_outputs(model, spec, [inputs])
        return outputs

    def iterate_outputs(
        self, model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]
    ) -> Iterator[Array]:
        """Run a model on more inputs than memory holds.

        The arguments and errors are those of :meth:`run_model`; ``chunks`` are inputs (n, ...), with any n in each.

        Yields:
            The model's first output (n, ...) for each chunk.
        """
        counts: list[int] = []

        def count() -> Iterator[Array]:
            for chunk in chunks:
                counts.append(len(chunk))
                yield chunk

        outputs = iter(self.iterate_outputs_impl(model, spec, count()))
        done = 0
        while True:
            with self._name_errors():
                found = next(outputs, None)
                if found is None:
                    break
                if len(found) != counts[done]:
                    raise MismatchError(
                        f"it gave {len(found)} outputs for {counts[done]} inputs; run the model again"
                    )
            done += 1
            yield found

    def compile_model(self, model: ModelFiles, spec: DeviceSpec) -> ModelFiles:
        """Compile a model for a device spec, where the runtime does so on the device.

        Args:
            model: An ONNX graph.
            spec: The device spec to compile it for.

        Returns:
            The compiled model.

        Raises:
            MeasurementError: The runtime cannot compile the model.
            MismatchError: The runtime compiles no models.
        """
        with self._name_errors():
            return self.compile_model_impl(model, spec)

    @contextmanager
    def compare_models(self, old: TimedModel, new: TimedModel) -> Iterator[MeasureBlock]:
        """Time two models side by side.

        Yields:
            A function that measures one block, given whether the new model comes first and the calls of each burst.
            A call after :class:`WorkerDied` starts both models anew.

        Raises:
            MeasurementError: One of the models cannot be loaded or run; the message says which.
            WorkerDied: One of the models crashed the runtime, or took too long.
        """
        context = self.compare_models_impl(old, new)
        with self._name_errors():
            timer = context.__enter__()
        try:

            def measure(new_first: bool, calls: int) -> Block:
                with self._name_errors():
                    return timer(new_first, calls)

            yield measure
        finally:
            context.__exit__(None, None, None)

    def measure_load(self, model: ModelFiles, spec: DeviceSpec) -> Load:
        """Load a model in a process that has loaded none, and run it a few times.

        Returns:
            The time that it took to load, and the memory that it holds.

        Raises:
            MeasurementError: The model cannot be loaded or run.
            WorkerDied: The model crashed the process.
        """
        with self._name_errors():
            return self.measure_load_impl(model, spec)

    def install(self, files: Mapping[str, bytes], folder: str) -> None:
        """Put files into a folder of the device, all of them or none.

        A folder that holds exactly these files already is left as it is.

        Args:
            files: The content of each file, by its path within the folder.
            folder: The folder, as the device names it.

        Raises:
            InputError: The folder holds something else, or cannot be written.
        """
        for name in files:
            parts = PurePosixPath(name).parts
            if (
                not parts
                or name.startswith("/")
                or any(part in ("..", ".") or "\\" in part for part in parts)
            ):
                raise InputError(f"{name!r} is not the path of a file within a folder; give a relative path")
        if not files or not folder:
            raise InputError("there is nothing to install, or no folder was named; give files and a folder")
        with self._name_errors():
            self.install_impl(files, folder)

    def close(self) -> None:  # noqa: B027 - most devices hold nothing
        """End everything that still runs on the device. It may be called from another thread, and more than once."""

    @abc.abstractmethod
    def list_runtimes_impl(self) -> tuple[RuntimeStatus, ...]:
        """See :meth:`list_runtimes`."""

    @abc.abstractmethod
    def read_machine_impl(self) -> Machine:
        """See :meth:`read_machine`."""

    @abc.abstractmethod
    def read_conditions_impl(self) -> Conditions:
        """See :meth:`read_conditions`."""

    @abc.abstractmethod
    def find_spec_impl(self, request: DeviceRequest) -> DeviceSpec:
        """See :meth:`find_spec`."""

    @abc.abstractmethod
    def inspect_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> str:
        """See :meth:`inspect_model`."""

    @abc.abstractmethod
    def measure_kit_impl(
        self, kit: Kit, spec: DeviceSpec, plan: Plan, run_key: str, on_progress: OnProgress | None
    ) -> MeasuredKit:
        """See :meth:`measure_kit`."""

    @abc.abstractmethod
    def forget_run_impl(self, run_key: str) -> None:
        """See :meth:`forget_run`."""

    @abc.abstractmethod
    def iterate_outputs_impl(
        self, model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]
    ) -> Iterable[Array]:
        """See :meth:`iterate_outputs`."""

    @abc.abstractmethod
    def compile_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> ModelFiles:
        """See :meth:`compile_model`."""

    @abc.abstractmethod
    def compare_models_impl(self, old: TimedModel, new: TimedModel) -> AbstractContextManager[MeasureBlock]:
        """See :meth:`compare_models`."""

    @abc.abstractmethod
    def measure_load_impl(self, model: ModelFiles, spec: DeviceSpec) -> Load:
        """See :meth:`measure_load`."""

    @abc.abstractmethod
    def install_impl(self, files: Mapping[str, bytes], folder: str) -> None:
        """See :meth:`install`."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _name_errors(self) -> Iterator[None]:
        """Put the device's name in front of an error's message, once."""
        try:
            yield
        except CompofaError as error:
            if not self.name or str(error).startswith(f"{self.name}: "):
                raise
            raise type(error)(f"{self.name}: {error}") from None


def _check_run_key(run_key: str) -> None:
    if run_key and not _RUN_KEY.fullmatch(run_key):
        raise InputError(f"{run_key!r} cannot name a run; use letters, digits and _ . -")
