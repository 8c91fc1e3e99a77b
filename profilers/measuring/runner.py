"""Measuring a kit: every item in several fresh sessions, which are shuffled and spread over the run.

The reference network is timed before and after each session, so that a machine that drifts can be corrected for.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Callable

import numpy as np

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.drift import estimate_drift
from latency_tables.errors import MismatchError
from latency_tables.field_rule import rule
from latency_tables.item import Item
from latency_tables.measured_kit import MeasuredKit
from latency_tables.measured_session import MeasuredSession, find_median_to_p20_ratio
from latency_tables.measurement import Measurement
from latency_tables.record import Record
from latency_tables.scratch import scratch_folder
from latency_tables.units import NS_PER_MS, NS_PER_S
from profilers.machine.clock import now_ns
from profilers.machine.environment import read_conditions
from profilers.measuring.in_process_worker import InProcessWorker
from profilers.measuring.journal import Journal
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.plan import Plan
from profilers.measuring.schedule import list_measured, schedule
from profilers.measuring.session_requests import measure_session
from profilers.measuring.worker_process import WorkerProcess
from profilers.runtimes.registry import find_spec

CONDITIONS_EVERY_S = 5
"""How often the machine's conditions are read during a run."""


@dataclass(frozen=True)
class Progress(Record):
    """How far a run is.

    Attributes:
        done: The sessions that are measured.
        total: The sessions of the whole run.
        resumed: The sessions among those done that were found in the journal.
        label: The label of the item that was measured last.
        note: A note for the user, such as one on a session that was measured once more; mostly empty.
    """

    done: int
    total: int
    resumed: int
    label: str
    note: str = field(default="", metadata=rule(optional=True))


OnProgress = Callable[[Progress], None]


def measure_kit(
    kit: Kit,
    spec: DeviceSpec,
    journal: Path | None,
    plan: Plan,
    on_progress: OnProgress | None = None,
    in_process: bool = False,
) -> MeasuredKit:
    """Measure a kit as :func:`run_kit` does, and return with it all that a latency table needs.

    Args:
        kit: What to measure.
        spec: The device spec to measure it under.
        journal: The file from which an interrupted run goes on; ``None`` for no journal.
        plan: How long and how often to measure.
        on_progress: It is called after each session.
        in_process: Whether to measure in this process, for a device that cannot start another one.

    Raises:
        CompofaError: As :func:`run_kit`.
    """
    conditions = [read_conditions()]
    read_at = now_ns()

    def watch(progress: Progress) -> None:
        nonlocal read_at
        if now_ns() - read_at > CONDITIONS_EVERY_S * NS_PER_S:
            conditions.append(read_conditions())
            read_at = now_ns()
        if on_progress is not None:
            on_progress(progress)

    measurements = run_kit(kit, spec, journal, plan, watch, in_process=in_process)
    return MeasuredKit(
        kit.kit_id,
        kit.architecture,
        kit.items,
        spec,
        plan.to_dict(),
        in_process,
        {"python": platform.python_version(), "numpy": np.__version__, spec.runtime: spec.runtime_version},
        (*conditions, read_conditions()),
        tuple(measurements),
    )


def run_kit(
    kit: Kit,
    spec: DeviceSpec,
    journal: Path | None,
    plan: Plan,
    on_progress: OnProgress | None = None,
    rng: np.random.Generator | None = None,
    in_process: bool = False,
) -> list[Measurement]:
    """Measure a kit's items.

    Args:
        kit: What to measure.
        spec: The device spec to measure it under.
        journal: The file from which an interrupted run goes on; ``None`` for no journal.
        plan: How long and how often to measure.
        on_progress: It is called after each session.
        rng: It shuffles the order of the sessions.
        in_process: Whether to measure in this process, for a device that cannot start another one. A crash of the
            runtime then ends this process.

    Returns:
        The measurements of :func:`list_measured`'s items, in the kit's order.

    Raises:
        MismatchError: The device spec is not of this machine and runtime, or has another batch than the kit.
        InputError: The journal cannot be written, or another run holds it.
        WorkerDied: The measuring process died twice on one item; the journal keeps what was measured.
        MeasurementError: The runtime failed twice on one item; the journal keeps what was measured.
    """
    spec.check_same(find_spec(DeviceRequest.of(spec)), "the device spec to measure")
    _check_batch(kit, spec)
    identity = {"kit_id": kit.kit_id, "device_spec": spec.to_dict(), "plan": plan.to_dict()}
    with ExitStack() as stack:
        log = None if journal is None else stack.enter_context(Journal(journal, identity))
        items = list_measured(kit, spec)
        order = schedule(items, plan, rng or np.random.default_rng(0))
        wanted = {(item.id, session) for item, session in order}
        kept = () if log is None else log.sessions
        found = {key: entry for entry in kept if (key := (entry.item, entry.number)) in wanted}
        resumed = len(found)
        notes = [log.note] if log is not None and log.note else []
        worker: WorkerProcess | InProcessWorker = InProcessWorker() if in_process else WorkerProcess()
        stack.enter_context(worker)
        for item, session in order:
            if (item.id, session) in found:
                continue
            measured = measure_session(worker, kit, spec, plan, item, session, notes.append)
            if log is not None:
                log.append(measured)
            found[item.id, session] = measured
            if on_progress is not None:
                on_progress(Progress(len(found), len(order), resumed, item.label, "; ".join(notes)))
            notes.clear()
    return collect(items, plan, found)


def measure_models(
    models: Mapping[str, bytes],
    reference: bytes,
    spec: DeviceSpec,
    plan: Plan,
    on_progress: OnProgress | None = None,
    rng: np.random.Generator | None = None,
    weights: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Measurement]:
    """Measure a few models as :func:`run_kit` does, without a journal.

    Args:
        models: The models by their labels.
        reference: The network that is timed before and after each session.
        spec: The device spec to measure them under.
        plan: How long and how often to measure.
        on_progress: It is called after each session.
        rng: It shuffles the order of the sessions.
        weights: By label, the weights that a format keeps in a file of their own.

    Raises:
        CompofaError: As :func:`run_kit`.
    """
    with scratch_folder("kit") as folder:
        items = [(make_item("reference", "reference", reference), reference)]
        apart = {}
        for i, (label, model) in enumerate(models.items()):
            part = weights.get(label, b"")
            item = make_item(f"model-{i}", "network", model, label=label, weights=part)
            items.append((item, model))
            apart[item.id] = part
        kit = write_kit(Path(folder), {}, items, apart)
        return run_kit(kit, spec, None, plan, on_progress, rng)


def collect(
    items: Sequence[Item], plan: Plan, sessions: Mapping[tuple[str, int], MeasuredSession]
) -> list[Measurement]:
    """Measurements of items from their sessions, all scaled to the reference's level over the run.

    Args:
        items: The items, in the order of the result.
        plan: The plan, which says how many sessions an item has.
        sessions: The sessions by item id and number, in the order in which they were measured.
    """
    median_to_p20_ratio = find_median_to_p20_ratio(sessions.values())
    drift = estimate_drift(list(sessions.values()))
    references = dict(zip(sessions, drift.references_ns))
    return [
        Measurement(
            item,
            tuple(sessions[key] for key in keys),
            drift.reference_ns / NS_PER_MS,
            tuple(references[key] for key in keys),
            median_to_p20_ratio,
        )
        for item in items
        if (keys := [(item.id, session) for session in range(plan.sessions(item))])
    ]


def _check_batch(kit: Kit, spec: DeviceSpec) -> None:
    """Check that every item has the device spec's batch."""
    for item in kit.items:
        if item.input_shape and item.input_shape[0] != spec.batch:
            raise MismatchError(
                f"the kit's item {item.id} takes a batch of {item.input_shape[0]}, and {spec.batch} was asked for; ask "
                "for the kit's, or build a kit with that batch"
            )
