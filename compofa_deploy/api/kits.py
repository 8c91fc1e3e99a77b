"""Kits: what a device is asked to measure, built and run by hand."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.graph.form import choose_form
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.tables.kit_builder import build_kit as write_kit_files
from compofa_deploy.tables.profile import PLANS
from latency_tables.device import DeviceRequest
from latency_tables.files import replace_file
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import scratch_folder
from latency_tables.table import LatencyTable
from profilers.measuring.kit import Kit
from profilers.measuring.kit_zip import pack_kit, unpack_kit
from profilers.measuring.runner import measure_kit
from profilers.measuring.watcher import SILENT, Watcher
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.targets.agent_archive import pack_agent


def build_kit(
    architecture: str, output: Path, device: DeviceRequest, resolutions: tuple[int, ...] = ()
) -> Kit:
    """Writes the kit of an architecture as a zip, to be carried to a device.

    Args:
        architecture: The architecture's name.
        output: The zip.
        device: The runtime, precision and batch that will be measured; each has its form of graph.
        resolutions: The resolutions in pixels; empty for those of the architecture.

    Raises:
        InputError: There is no such architecture or runtime, or the file cannot be written.
    """
    found = find_architecture(architecture)
    find_runtime(device.runtime)
    with scratch_folder("kit") as folder:
        form = choose_form(device.runtime, device.precision)
        kit = write_kit_files(found, resolutions or found.resolutions, device.batch, Path(folder), form)
        pack_kit(kit, output)
    return kit


def run_kit(
    kit: Path, output: Path, device: DeviceRequest, quick: bool = False, watcher: Watcher = SILENT
) -> LatencyTable:
    """Measures a kit on this machine and writes the latency table.

    A run that was stopped goes on from its journal, which is kept beside the table until the table is written.

    Args:
        kit: The zip.
        output: The table's file.
        device: The runtime, device, precision, threads and batch.
        quick: Whether to take fewer samples.
        watcher: Is told of the steps.

    Raises:
        FormatError: The file is not a kit.
        MeasurementError: The kit cannot be measured.
        RuntimeUnavailable: The runtime does not work here.
    """
    spec, plan = find_spec(device), PLANS["quick" if quick else "full"]()
    journal = output.with_name(f"{output.name}.journal")
    with scratch_folder("kit") as folder:
        unpacked = unpack_kit(kit, Path(folder) / "kit")
        watcher.on_step(f"measuring on {spec.describe()}")
        table = measure_kit(unpacked, spec, journal, plan, watcher.on_progress()).build_table()
    table.save(output)
    journal.unlink(missing_ok=True)
    return table


def write_agent(output: Path) -> int:
    """Writes the agent: one file that measures a kit on a device with python3, numpy and a runtime.

    Args:
        output: The file.

    Returns:
        Its size in bytes.

    Raises:
        InputError: The file cannot be written.
    """
    content = pack_agent()
    with replace_file(output) as file:
        file.write(content)
    return len(content)


def build_table(measured: Path, emulated: bool = False) -> LatencyTable:
    """Makes the latency table of a device from what the agent measured there.

    Args:
        measured: The agent's file.
        emulated: Whether to take what was measured on an emulated CPU.

    Raises:
        FormatError: The file is not the agent's.
        MismatchError: It was measured on an emulated CPU, and ``emulated`` is not set.
    """
    return MeasuredKit.load(measured).build_table(emulated)
