"""Measure bundles, each in fresh sessions spread over the run, between timings of one baseline network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.bench.baseline import ARCHITECTURE, make_baseline
from compofa_deploy.bench.result import BenchmarkedBundle, BenchResult
from compofa_deploy.bundle.bundle import Bundle, load_bundle
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, MeasurementError, VerificationError
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import scratch_folder
from profilers.machine.clock import read_time
from profilers.measuring.kit import make_item, write_kit
from profilers.measuring.load_cost import Load
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress
from profilers.measuring.watcher import Watcher
from profilers.targets.device import Device

SESSIONS = 10
LOADS = 3
MIN_CALLS = 10
"""In a session, however slow the model is."""
MAX_CALLS = 1_000_000
MAX_SESSION_MS = 2000.0
"""A slow model's session ends here, unless it was asked to take longer."""
SESSION_LIMIT_S = 60.0
"""Beyond sampling, a session that takes longer is taken for a hang."""
REFERENCE_CALLS = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle that is to be measured here, under its name in the result."""

    name: str
    bundle: Bundle
    spec: DeviceSpec


def find_subjects(folders: Sequence[Path], device: Device) -> list[Subject]:
    """Read bundles, to be measured under the settings that they were made for.

    Args:
        folders: The bundles. Each is known by the name of its folder.
        device: The device that will measure them.

    Raises:
        InputError: A folder is no bundle, was changed or damaged, has the name of another, or asks for settings that
            the device does not have.
        RuntimeUnavailable: The runtime of a bundle does not work on the device.
    """
    found: dict[str, Subject] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise InputError(
                f"{folder}: {found[name].bundle.folder} has the same name, and results go by the folder's; rename one"
            )
        try:
            bundle = load_bundle(folder)
        except VerificationError as error:
            # Not an answer to what is asked here, as it is to compofa verify.
            raise InputError(str(error)) from None
        found[name] = Subject(name, bundle, device.find_spec(DeviceRequest.of(bundle.spec)))
    return list(found.values())


def plan_sampling(sampled_ms: float) -> Plan:
    """The plan that samples each bundle for so long, over all of its sessions."""
    share = sampled_ms / SESSIONS
    return Plan(
        network_sessions=SESSIONS,
        min_calls=MIN_CALLS,
        min_ms=share,
        max_calls=MAX_CALLS,
        max_ms=max(share, MAX_SESSION_MS),
        reference_calls=REFERENCE_CALLS,
        session_limit_s=SESSION_LIMIT_S + share / 1000,
    )


def run_bench(
    subjects: Sequence[Subject],
    plan: Plan,
    device: Device,
    watcher: Watcher,
    label: str = "",
    made_by: str = "",
) -> BenchResult:
    """Measure bundles. Bundles of one device spec are measured in one run.

    Args:
        subjects: The bundles.
        plan: How long and how often to measure.
        device: The device that measures.
        watcher: Told of the progress.
        label: What the result is of, such as a commit.
        made_by: The command that made the result.

    Raises:
        MeasurementError: A bundle cannot be loaded or run; the message names it.
        WorkerDied: The measuring process died; the message names the bundle.
    """
    found: dict[str, BenchmarkedBundle] = {}
    loads: dict[str, tuple[Load, ...]] = {}
    for subject in subjects:
        watcher.on_step(f"loading {subject.name} in {LOADS} new processes")
        loads[subject.name] = _load(subject, device)
    for spec in dict.fromkeys(subject.spec for subject in subjects):
        group = {f"bundle-{i}": subject for i, subject in enumerate(subjects) if subject.spec == spec}
        names = ", ".join(subject.name for subject in group.values())
        watcher.on_step(f"measuring {names} on {spec.describe()}")
        kit = _measure(group, spec, plan, device, watcher.on_progress())
        for id, subject in group.items():
            subnet = subject.bundle.deployment.subnet
            found[subject.name] = BenchmarkedBundle(subject.name, subnet, loads[subject.name], kit, id)
    return BenchResult(read_time(), label, made_by, tuple(found[subject.name] for subject in subjects))


def _load(subject: Subject, device: Device) -> tuple[Load, ...]:
    files = subject.bundle.read_files()
    try:
        return tuple(device.measure_load(files, subject.spec) for _ in range(LOADS))
    except MeasurementError as error:
        raise type(error)(f"{subject.bundle.folder}: {error}") from None


def _measure(
    group: Mapping[str, Subject], spec: DeviceSpec, plan: Plan, device: Device, on_progress: OnProgress
) -> MeasuredKit:
    items, apart = [make_baseline(spec)], {}
    for id, subject in group.items():
        files = subject.bundle.read_files()
        entry = make_item(id, "network", files.model, label=subject.name, weights=files.weights)
        items.append((entry, files.model))
        apart[id] = files.weights
    with scratch_folder("bench") as folder:
        kit = write_kit(Path(folder), ARCHITECTURE.to_dict(), items, apart)
        return device.measure_kit(kit, spec, plan, on_progress=on_progress)
