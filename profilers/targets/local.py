"""This machine as a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError
from latency_tables.machine import Conditions, Machine
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import scratch_folder
from profilers.machine.environment import read_conditions, read_machine
from profilers.measuring.kit import Kit
from profilers.measuring.load_cost import Load, measure_load
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.model_outputs import iterate_outputs
from profilers.measuring.paired_process import MeasureBlock, start_pair
from profilers.measuring.paired_worker import locate
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, measure_kit
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.runtimes.session import Array
from profilers.targets.device import Device, TimedModel
from profilers.targets.install import install_files
from profilers.targets.runtime_status import RuntimeStatus, read_statuses


class LocalDevice(Device):
    """This machine. Models are measured in processes of their own.

    Args:
        journals: The folder of the journals of runs that were not forgotten yet; it is made when it is needed.
    """

    def __init__(self, journals: Path) -> None:
        self.journals = Path(journals)

    def list_runtimes_impl(self) -> tuple[RuntimeStatus, ...]:
        return read_statuses()

    def read_machine_impl(self) -> Machine:
        return read_machine()

    def read_conditions_impl(self) -> Conditions:
        return read_conditions()

    def find_spec_impl(self, request: DeviceRequest) -> DeviceSpec:
        return find_spec(request)

    def inspect_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> str:
        return find_runtime(spec.runtime).inspect(model.model, spec)

    def measure_kit_impl(
        self, kit: Kit, spec: DeviceSpec, plan: Plan, run_key: str, on_progress: OnProgress | None
    ) -> MeasuredKit:
        journal = self._find_journal(run_key) if run_key else None
        if journal is not None:
            try:
                self.journals.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"{self.journals}: cannot be made ({error.strerror}); set COMPOFA_CACHE to a folder that can be "
                    "written"
                ) from None
        return measure_kit(kit, spec, journal, plan, on_progress)

    def forget_run_impl(self, run_key: str) -> None:
        journal = self._find_journal(run_key)
        if journal.exists():
            journal.unlink()

    def iterate_outputs_impl(
        self, model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]
    ) -> Iterable[Array]:
        return iterate_outputs(model, spec, chunks)

    def compile_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> ModelFiles:
        return ModelFiles(find_runtime(spec.runtime).compile(model.model, spec))

    @contextmanager
    def compare_models_impl(self, old: TimedModel, new: TimedModel) -> Iterator[MeasureBlock]:
        with scratch_folder("models") as folder:
            pair = {
                word: locate(side.spec, side.files.write(Path(folder), word), side.files.input_shape)
                for word, side in (("old", old), ("new", new))
            }
            with start_pair(pair) as measure:
                yield measure

    def measure_load_impl(self, model: ModelFiles, spec: DeviceSpec) -> Load:
        with scratch_folder("models") as folder:
            return measure_load(spec, model.write(Path(folder)))

    def install_impl(self, files: Mapping[str, bytes], folder: str) -> None:
        install_files(files, Path(folder).expanduser())

    def _find_journal(self, run_key: str) -> Path:
        return self.journals / f"{run_key}.jsonl"
