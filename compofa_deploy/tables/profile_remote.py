"""Profiling other machines: one kit, carried to several targets that are measured at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from compofa_deploy.graph.form import choose_form
from compofa_deploy.tables.profile import PLANS, Survey
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.scratch import scratch_folder
from latency_tables.table import LatencyTable
from profilers.measuring.kit_zip import pack_kit
from profilers.measuring.runner import OnProgress
from profilers.targets.ssh import Target
from profilers.targets.ssh_device import RemoteDevice


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
    kit_id, kit = _pack(survey, request)
    devices = {target: RemoteDevice(target, request, python) for target in targets}

    def measure(target: Target) -> LatencyTable:
        device = devices[target]
        on_device(target, device.find_spec())
        progress = None if make_progress is None else make_progress(target)
        table = survey.build_table(device.measure(kit_id, kit, PLANS[mode](), progress))
        table.save(targets[target])
        device.clean()
        return table

    with ThreadPoolExecutor(max_workers=len(targets)) as pool:
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


def _pack(survey: Survey, request: DeviceRequest) -> tuple[str, bytes]:
    """A kit's id and its zip."""
    with scratch_folder("kit") as folder:
        form = choose_form(request.runtime, request.precision)
        kit = survey.build_kit(request.batch, Path(folder) / "kit", form)
        pack_kit(kit, Path(folder) / "kit.zip")
        return kit.kit_id, (Path(folder) / "kit.zip").read_bytes()
