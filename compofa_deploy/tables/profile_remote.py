"""Profiling other machines: one kit, carried to several targets that are measured at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from compofa_deploy.graph.form import choose_form
from compofa_deploy.tables.profile import PLANS, Survey, name_run
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.scratch import scratch_folder
from latency_tables.table import LatencyTable
from profilers.measuring.kit import Kit
from profilers.measuring.runner import OnProgress
from profilers.targets.ssh import Target
from profilers.targets.ssh_device import SshDevice


def profile_remotely(
    survey: Survey,
    targets: Mapping[Target, Path],
    request: DeviceRequest,
    mode: str = "full",
    python: str = "python3",
    on_device: Callable[[Target, DeviceSpec], None] = lambda target, spec: None,
    make_progress: Callable[[Target], OnProgress] | None = None,
) -> tuple[dict[Target, LatencyTable], dict[Target, CompofaError]]:
    """Measure targets at once, and write the table of each to its path as soon as it is there.

    The tables, and what went wrong with the other targets: one that fails does not keep the rest from being measured.
    A run that was interrupted goes on from its journal, which stays on the device until its table is written.
    ``on_device`` is told each target's device spec before it is measured, and called from threads.
    """
    tables: dict[Target, LatencyTable] = {}
    failed: dict[Target, CompofaError] = {}
    devices = {target: SshDevice(target, python) for target in targets}

    def measure(target: Target) -> LatencyTable:
        device = devices[target]
        spec = device.find_spec(request)
        on_device(target, spec)
        progress = None if make_progress is None else make_progress(target)
        key = name_run(kit, spec, mode)
        table = survey.build_table(device.measure_kit(kit, spec, PLANS[mode](), key, progress))
        table.save(targets[target])
        device.forget_run(key)
        return table

    with _build_kit(survey, request) as kit, ThreadPoolExecutor(max_workers=len(targets)) as pool:
        running = {pool.submit(measure, target): target for target in targets}
        try:
            for future in as_completed(running):
                try:
                    tables[running[future]] = future.result()
                except CompofaError as error:
                    failed[running[future]] = error
        except BaseException:
            for device in devices.values():
                device.close()
            raise
    return tables, failed


def name_outputs(output: Path, targets: Sequence[Target]) -> dict[Target, Path]:
    """Where each target's table goes: of several, each has its name in the file's.

    >>> name_outputs(Path("cpu.json"), [Target("pi"), Target("phone", port=8022)])[Target("pi")].name
    'cpu-pi.json'
    """
    targets = list(dict.fromkeys(targets))
    if len(targets) == 1:
        return {targets[0]: output}
    return {target: output.with_name(f"{output.stem}-{target.name}{output.suffix}") for target in targets}


@contextmanager
def _build_kit(survey: Survey, request: DeviceRequest) -> Iterator[Kit]:
    """Write the kit that all targets measure; it is removed when the block ends."""
    with scratch_folder("kit") as folder:
        form = choose_form(request.runtime, request.precision)
        yield survey.build_kit(request.batch, Path(folder) / "kit", form)
