"""Running a kit: every item in several fresh sessions, shuffled and spread over the run, each between two looks
at the reference."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.drift import estimate_drift, find_swell
from latency_tables.errors import FormatError, MeasurementError, MismatchError, WorkerDied
from latency_tables.measured_kit import MeasuredKit
from latency_tables.measurement import Item, Measurement, Visit
from latency_tables.units import NS_PER_MS, NS_PER_S
from profilers.machine.clock import now_ns
from profilers.machine.environment import read_conditions
from profilers.measuring.in_process_worker import WorkerHere
from profilers.measuring.journal import Journal
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.open_model import ModelFiles
from profilers.measuring.plan import Plan
from profilers.measuring.worker_process import WorkerProcess
from profilers.runtimes.registry import find_runtime, find_spec

ATTEMPTS = 2
"""A visit that fails is tried once more, in a new process if the old one died."""
CONDITIONS_EVERY_S = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in visits: ``resumed`` of those ``done`` were found in the journal."""

    done: int
    total: int
    resumed: int
    label: str


OnProgress = Callable[[Progress], None]


def measure_kit(
    kit: Kit,
    spec: DeviceSpec,
    journal: Path | None,
    plan: Plan,
    on_progress: OnProgress | None = None,
    in_process: bool = False,
) -> MeasuredKit:
    """Measure a kit as :func:`run_kit` does, and keep with it all that a latency table needs."""
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
    """Measure a kit's items, in the kit's order; the reference is not among the results, nor are layers of which the
    runtime tells within the networks what they take.

    With a ``journal`` a run that was interrupted goes on where it stopped. ``rng`` shuffles the order. ``in_process``
    is for a device that cannot start processes: a runtime that crashes then takes this process with it.
    :class:`MismatchError` where the device spec is not of this machine and runtime, or of another batch than the kit;
    :class:`WorkerDied` or :class:`MeasurementError`, naming the item, where one fails twice: the journal keeps what
    was measured.
    """
    spec.check_same(find_spec(DeviceRequest.of(spec)), "the device spec to measure")
    _check_batch(kit, spec)
    identity = {"kit_id": kit.kit_id, "device_spec": spec.to_dict(), "plan": plan.to_dict()}
    with ExitStack() as stack:
        log = None if journal is None else stack.enter_context(Journal(journal, identity))
        visits = {} if log is None else {(visit.item, visit.session): visit for visit in log.visits}
        items = list_needed(kit, spec)
        order = schedule(items, plan, rng or np.random.default_rng(0))
        resumed = sum((item.id, session) in visits for item, session in order)
        worker: WorkerProcess | WorkerHere = WorkerHere() if in_process else WorkerProcess()
        stack.enter_context(worker)
        for item, session in order:
            if (item.id, session) in visits:
                continue
            visit = _visit(worker, kit, spec, plan, item, session)
            if log is not None:
                log.append(visit)
            visits[item.id, session] = visit
            if on_progress is not None:
                on_progress(Progress(len(visits), len(order), resumed, item.label))
    return collect(items, plan, visits)


def measure_models(
    models: Mapping[str, bytes],
    reference: bytes,
    spec: DeviceSpec,
    plan: Plan,
    on_progress: OnProgress | None = None,
    rng: np.random.Generator | None = None,
    weights: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Measurement]:
    """Measure a few models by their labels, as :func:`run_kit` does, without a journal.

    ``weights``, by the same labels, are those that are kept apart from their models.
    """
    with tempfile.TemporaryDirectory(prefix="compofa-kit-") as folder:
        items = [(make_item("reference", "reference", reference), reference)]
        apart = {}
        for i, (label, model) in enumerate(models.items()):
            part = weights.get(label, b"")
            item = make_item(f"model-{i}", "network", model, label=label, weights=part)
            items.append((item, model))
            apart[item.id] = part
        kit = write_kit(Path(folder), {}, items, apart)
        return run_kit(kit, spec, None, plan, on_progress, rng)


def schedule(items: Sequence[Item], plan: Plan, rng: np.random.Generator) -> list[tuple[Item, int]]:
    """All visits as (item, session): rounds, each of which visits every item that still has sessions to come, in
    an order of its own, so that what drifts meets all items alike."""
    order = []
    for session in range(max((plan.sessions(item) for item in items), default=0)):
        there = [item for item in items if session < plan.sessions(item)]
        order += [(there[i], session) for i in rng.permutation(len(there))]
    return order


def list_needed(kit: Kit, spec: DeviceSpec) -> tuple[Item, ...]:
    """The items to measure. A layer that the runtime can look at within a network is not measured alone: what it takes
    there, next to its neighbours and with the caches that they leave it, is what it is wanted for."""
    if not find_runtime(spec.runtime).profiles(spec):
        return kit.measured
    seen = {key for item in kit.measured if item.layer_names for key in item.layers}
    return tuple(item for item in kit.measured if item.kind != "layer" or item.layers[0] not in seen)


def collect(items: Sequence[Item], plan: Plan, visits: Mapping[tuple[str, int], Visit]) -> list[Measurement]:
    """Measurements of items from their visits, in the order in which these were made, all scaled to the reference's
    level over the run."""
    swell = find_swell(visits.values())
    drift = estimate_drift(list(visits.values()))
    references = dict(zip(visits, drift.references_ns, strict=True))
    return [
        Measurement(
            item,
            tuple(visits[key] for key in keys),
            drift.reference_ns / NS_PER_MS,
            tuple(references[key] for key in keys),
            swell,
        )
        for item in items
        if (keys := [(item.id, session) for session in range(plan.sessions(item))])
    ]


def _visit(
    worker: WorkerProcess | WorkerHere, kit: Kit, spec: DeviceSpec, plan: Plan, item: Item, session: int
) -> Visit:
    request = {
        "item": item.id,
        "session": session,
        "limits": plan.limits(),
        "layer_names": _list_looked_at(spec, item, session),
        **_locate(kit, item),
    }
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if worker.pid is None:
                worker.start(_first_request(kit, spec, plan))
            return Visit.from_dict(worker.ask(request, plan.visit_limit_s), f"item {item.id}")
        except FormatError as error:
            raise FormatError(f"item {item.id}: {error}") from None
        except MeasurementError as error:
            if attempt == ATTEMPTS:
                kind = WorkerDied if isinstance(error, WorkerDied) else MeasurementError
                raise kind(f"item {item.id}: {error}; leave it out, or try another runtime version") from None
    raise AssertionError("unreachable")


def _list_looked_at(spec: DeviceSpec, item: Item, session: int) -> list[str]:
    """The layers that a visit looks at: once is enough, since every layer is in many networks."""
    return list(item.layer_names) if session == 0 and find_runtime(spec.runtime).profiles(spec) else []


def _first_request(kit: Kit, spec: DeviceSpec, plan: Plan) -> dict[str, Any]:
    return {
        "spec": spec.to_dict(),
        "reference_calls": plan.reference_calls,
        **_locate(kit, kit.reference),
    }


def _locate(kit: Kit, item: Item) -> dict[str, Any]:
    """Where the worker finds an item's model, the hash that it must have, and the shape of its input."""
    files = ModelFiles(kit.path(item), item.sha256, kit.weights_path(item), item.weights_sha256)
    return {**files.to_request(), "shape": list(item.input_shape)}


def _check_batch(kit: Kit, spec: DeviceSpec) -> None:
    """That what is measured is what the device spec says it is."""
    for item in kit.items:
        if item.input_shape and item.input_shape[0] != spec.batch:
            raise MismatchError(
                f"the kit's item {item.id} takes a batch of {item.input_shape[0]}, and {spec.batch} was asked for; ask "
                "for the kit's, or build a kit with that batch"
            )
