"""A device that is simulated in this process: its latencies follow from its settings, and nothing waits.

It stands in for a device in tests, also in those of programs that use this project. Every model becomes one of the
fake runtime: an item of a kit by its layers, any other model by its bytes.
"""

from __future__ import annotations

import platform
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import (
    CompofaError,
    ConnectionLost,
    InputError,
    MeasurementError,
    RuntimeUnavailable,
)
from latency_tables.machine import Conditions, Machine
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import make_scratch, scratch_folder
from profilers.machine.clock import read_time
from profilers.machine.environment import read_machine
from profilers.measuring.kit import Kit
from profilers.measuring.load_cost import Load
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.model_outputs import iterate_outputs
from profilers.measuring.paired_process import MeasureBlock
from profilers.measuring.paired_worker import PairedWorker, locate
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, Progress, run_kit
from profilers.runtimes.fake import FakeRuntime, FakeWorld, derive_cost_ms
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.runtimes.session import Array
from profilers.targets.device import Device, TimedModel
from profilers.targets.runtime_status import RuntimeStatus, read_status
from profilers.targets.simulated_models import Simulation

FAKE = "fake"
GRAPH_LEVEL = "all"
LOAD_MS_PER_MB = 5.0
MEMORY_PER_BYTE = 3
"""A runtime keeps a model's weights in its own layout beside the file's content."""


class SimulatedDevice(Device):
    """A device whose latencies are simulated. Its settings may be changed at any time.

    Args:
        numbers: The device that runs models where their outputs are asked for. Without one, only models of the fake
            runtime can be run.
        statuses: The runtimes that the device claims to have; those of ``numbers``, or the fake one, by default.
        name: The device's name.

    Attributes:
        world: The noise, drift and overhead of the simulated machine.
        cost_ms: The latency of a layer by its key.
        speed: How many times as fast as ``world`` and ``cost_ms`` say the device is.
        latency_ms: The latency of a model by its label, whatever its layers say; ``None`` where the layers decide.
        slow_down: The factor by which a model takes longer than that, by its label.
        load_average: How many cores other work keeps busy.
        faults: The error that measuring a model ends in, by its label.
        stops_after: The number of sessions after which the connection is lost once; ``None`` for never.
        measured: The labels of the items of each kit that was measured.
        installed: The files of each folder.
    """

    def __init__(
        self, numbers: Device | None = None, statuses: Sequence[RuntimeStatus] = (), name: str = ""
    ) -> None:
        self.name = name
        self.machine: Machine = read_machine() if numbers is None else numbers.read_machine()
        self.world = FakeWorld()
        self.cost_ms: Callable[[str], float] = derive_cost_ms
        self.latency_ms: Callable[[str], float | None] = lambda label: None
        self.speed = 1.0
        self.slow_down: Callable[[str], float] = lambda label: 1.0
        self.load_average = 0.0
        self.faults: dict[str, CompofaError] = {}
        self.stops_after: int | None = None
        self.measured: list[list[str]] = []
        self.installed: dict[str, dict[str, bytes]] = {}
        self._numbers, self._statuses = numbers, tuple(statuses)
        self._journals = make_scratch("simulated")
        # Whoever forgets to close a device, or never needed to, leaves nothing behind either.
        self._remove_journals = weakref.finalize(self, shutil.rmtree, self._journals, ignore_errors=True)

    def list_runtimes_impl(self) -> tuple[RuntimeStatus, ...]:
        if self._statuses:
            return self._statuses
        return (read_status(FAKE),) if self._numbers is None else self._numbers.list_runtimes()

    def read_machine_impl(self) -> Machine:
        return self.machine

    def read_conditions_impl(self) -> Conditions:
        return Conditions(read_time(), self.load_average, None, None, None, None)

    def find_spec_impl(self, request: DeviceRequest) -> DeviceSpec:
        if self._statuses:
            return self._claim_spec(request)
        if self._numbers is not None:
            return replace(self._numbers.find_spec(request), machine=self.machine)
        if request.runtime != FAKE:
            raise InputError(f"a simulated device has the runtime {FAKE} alone, and not {request.runtime}")
        return find_runtime(FAKE).spec(request, self.machine)

    def inspect_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> str:
        return ""

    def measure_kit_impl(
        self, kit: Kit, spec: DeviceSpec, plan: Plan, run_key: str, on_progress: OnProgress | None
    ) -> MeasuredKit:
        spec.check_same(self.find_spec(DeviceRequest.of(spec)), "the device spec to measure")
        self.measured.append([item.label for item in kit.measured])
        fault = next((self.faults[item.label] for item in kit.measured if item.label in self.faults), None)
        if fault is not None:
            raise fault
        here = find_spec(DeviceRequest(FAKE, batch=spec.batch))
        journal = self._find_journal(run_key) if run_key else None
        with scratch_folder("simulated") as folder, self._reset_runtime():
            fake = self._simulation.write_kit(kit, Path(folder))
            measurements = run_kit(fake, here, journal, plan, self._watch(on_progress), in_process=True)
        items = {item.id: item for item in kit.items}
        return MeasuredKit(
            kit.kit_id,
            kit.architecture,
            kit.items,
            spec,
            plan.to_dict(),
            True,
            {"python": platform.python_version(), spec.runtime: spec.runtime_version},
            (self.read_conditions(), self.read_conditions()),
            tuple(replace(m, item=items[m.item.id]) for m in measurements),
        )

    def forget_run_impl(self, run_key: str) -> None:
        journal = self._find_journal(run_key)
        if journal.exists():
            journal.unlink()

    def iterate_outputs_impl(
        self, model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]
    ) -> Iterable[Array]:
        if self._numbers is not None:
            return self._numbers.iterate_outputs(
                model, self._numbers.find_spec(DeviceRequest.of(spec)), chunks
            )
        if spec.runtime != FAKE:
            raise MeasurementError(
                "a simulated device runs models of the fake runtime alone; give it another device for the numbers"
            )
        return iterate_outputs(model, find_spec(DeviceRequest(FAKE, batch=spec.batch)), chunks)

    def compile_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> ModelFiles:
        if self._numbers is not None:
            return self._numbers.compile_model(model, self._numbers.find_spec(DeviceRequest.of(spec)))
        return ModelFiles(find_runtime(FAKE).compile(model.model, spec))

    @contextmanager
    def compare_models_impl(self, old: TimedModel, new: TimedModel) -> Iterator[MeasureBlock]:
        with scratch_folder("simulated") as folder, self._reset_runtime():
            pair = {}
            for word, side in (("old", old), ("new", new)):
                here = find_spec(DeviceRequest(FAKE, batch=side.spec.batch))
                files = ModelFiles(self._simulation.simulate_bytes(side.files, word))
                pair[word] = locate(here, files.write(Path(folder), word), ())
            yield PairedWorker({"pair": pair}).measure

    def measure_load_impl(self, model: ModelFiles, spec: DeviceSpec) -> Load:
        size = len(model.model) + len(model.weights)
        return Load((1 + LOAD_MS_PER_MB * size / 1e6) / self.speed, MEMORY_PER_BYTE * size)

    def install_impl(self, files: Mapping[str, bytes], folder: str) -> None:
        there = self.installed.get(folder, {})
        if there not in ({}, dict(files)):
            raise InputError(
                f"{folder}: exists and holds something else; remove it, or install into a new folder"
            )
        self.installed[folder] = dict(files)

    def close(self) -> None:
        self._remove_journals()

    @property
    def _simulation(self) -> Simulation:
        return Simulation(self.world, self.cost_ms, self.speed, self.slow_down, self.latency_ms)

    @contextmanager
    def _reset_runtime(self) -> Iterator[None]:
        """Let the fake runtime begin anew: one device must not depend on what was run on another before."""
        runtime = find_runtime(FAKE)
        assert isinstance(runtime, FakeRuntime)
        runtime.elapsed_ns, runtime.opened, runtime.last_session = 0.0, 0, None
        yield

    def _claim_spec(self, request: DeviceRequest) -> DeviceSpec:
        status = next((status for status in self._statuses if status.name == request.runtime), None)
        if status is None:
            names = ", ".join(status.name for status in self._statuses)
            raise InputError(f"no runtime {request.runtime!r}; there are {names}")
        if not status.works:
            raise RuntimeUnavailable(f"{status.name} does not work here: {status.why}; {status.fix}")
        device = request.device or status.devices[0]
        known = {"device": (device, status.devices)}
        if device in status.devices:
            precision = request.precision or status.precisions[device][0]
            known["precision"] = (precision, status.precisions[device])
        for word, (value, values) in known.items():
            if value not in values:
                raise InputError(f"{status.name} has no {word} {value!r} here; it has {', '.join(values)}")
        if not 1 <= request.threads <= status.max_threads:
            raise InputError(
                f"{request.threads} threads were asked for, and this process may use {status.max_threads}; ask for "
                "fewer, or give it more cores"
            )
        return DeviceSpec(
            status.name, status.version, device, precision, request.threads, request.batch, request.spin,
            request.graph_level or GRAPH_LEVEL, self.machine,
        )  # fmt: skip

    def _watch(self, on_progress: OnProgress | None) -> OnProgress:
        def watch(progress: Progress) -> None:
            if on_progress is not None:
                on_progress(progress)
            if self.stops_after is not None and progress.done - progress.resumed >= self.stops_after:
                self.stops_after = None
                raise ConnectionLost(
                    "the connection ended; the same command goes on from what is measured there"
                )

        return watch

    def _find_journal(self, run_key: str) -> Path:
        return self._journals / f"{run_key}.jsonl"
