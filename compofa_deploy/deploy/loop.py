"""The closed loop: from a budget on a device to a bundle that was measured to keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.bundle.bundle import Bundle
from compofa_deploy.bundle.bundle_writer import check_replaceable, write_bundle
from compofa_deploy.bundle.deployment import Budget, Latency, MeasuredLatency, Tried
from compofa_deploy.bundle.verify import check_numbers, measure_model, summarise
from compofa_deploy.deploy.measured_accuracy import CountedAccuracies
from compofa_deploy.export.export import Exported, export
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.candidates_by_precision import list_by_precision
from compofa_deploy.search.constraints import Constraint, MaxLatency
from compofa_deploy.search.lazy_ranking import LazyRanking
from compofa_deploy.search.select import best, keep_feasible
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.provide import ProvidedTable, provide_tables
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceSpec
from latency_tables.errors import InfeasibleError
from latency_tables.measurement import Measurement
from latency_tables.table import LatencyTable
from profilers.measuring.watcher import Watcher
from profilers.targets.device import Device

if TYPE_CHECKING:
    from compofa_deploy.data.splits import DataSplits

CONFIDENCE = 0.9
"""Of the predicted interval whose upper end must keep the budget before a candidate is tried."""

MAX_TRIES = 12
"""Candidates of one device spec that are exported and measured before the loop gives it up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for. ``size_limit`` is checked against the file, after the search has checked its estimate.

    The answer is for one of ``specs``. Where the accuracies of its precision are not known, they are counted on
    ``images``, of the candidates that would be picked; without images those of float32 are assumed, and the bundle
    says that its accuracy is of that precision.
    """

    supernet: StoredSupernet
    accuracies: AccuraciesByPrecision
    specs: tuple[DeviceSpec, ...]
    latency_ms: float
    percentile: int = 50
    constraints: tuple[Constraint, ...] = ()
    size_limit: int | None = None
    command: str = ""
    images: DataSplits | None = None

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """All constraints, the budget first."""
        return (MaxLatency(self.latency_ms), *self.constraints)


@dataclass(frozen=True, slots=True)
class Compared:
    """A device spec that was considered, and its best candidate by prediction, as
    :meth:`compofa_deploy.search.candidates.Candidates.describe` gives it; None where none keeps the constraints.
    ``assumed`` says that its accuracy is that of float32."""

    found: ProvidedTable
    best: dict[str, Any] | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bundle that keeps its budget, with how it was found: ``chosen`` is what it was picked from by."""

    bundle: Bundle
    chosen: ProvidedTable
    compared: tuple[Compared, ...]
    left_out: tuple[Skipped, ...]
    doubts: tuple[str, ...]


def deploy(
    job: Job, folder: Path, device: Device, cache: Cache, watcher: Watcher, mode: str = "quick"
) -> Deployed:
    """Find the most accurate subnet that keeps a latency budget when it is measured, and write its bundle.

    The latency tables are profiled, or found where they were kept. Candidates are exported, checked and measured in
    turn, until the upper confidence bound of one keeps the budget.

    Args:
        job: What is asked for.
        folder: The bundle's folder.
        device: The device that measures.
        cache: Where tables are kept.
        watcher: Told of the progress.
        mode: How thoroughly to profile, ``quick`` or ``full``.

    Raises:
        InfeasibleError: No candidate is predicted to keep the constraints, or none kept them when measured.
        InputError: The folder exists and is not a bundle, or cannot be written.
        MeasurementError: The device cannot measure.
    """
    check_replaceable(folder)
    limits = job.limits
    job.accuracies.f32.check_supernet(job.supernet.digest)
    architecture, resolutions = job.supernet.architecture, job.accuracies.resolutions
    found, left_out = provide_tables(architecture, job.specs, resolutions, device, cache, mode, watcher)
    tables = [entry.table for entry in found]
    watcher.on_step(f"searching {summarise_tables(tables)}")
    candidates = list_by_precision(architecture, job.accuracies, tables, job.percentile, CONFIDENCE)
    ranking, counted = (
        LazyRanking(candidates, limits),
        CountedAccuracies(job.supernet, job.accuracies, job.images, device),
    )
    tried: list[Tried] = []
    tries, slowdowns = [0] * len(tables), [1.0] * len(tables)
    for index in ranking:
        place, subnet = int(candidates.table[index]), candidates.subnet(index)
        spec = tables[place].spec
        upper = float(candidates.latency_ms[index] * (1 + candidates.margin[index]))
        if upper * slowdowns[place] > job.latency_ms or tries[place] == MAX_TRIES:
            continue
        if counted.is_missing(subnet, spec):
            watcher.on_step(f"counting what {subnet} gets right in {spec.precision} on {spec.runtime}")
            ranking.correct(index, counted.count(subnet, spec))
            continue
        on = f" on {spec.describe()}" if len(tables) > 1 else ""
        watcher.on_step(f"exporting and checking {subnet}{on}")
        exported = export(job.supernet, subnet, spec, job.accuracies.of(spec), job.command)
        if job.size_limit is not None and exported.deployment.size_bytes > job.size_limit:
            continue
        difference = check_numbers(
            exported.deployment, exported.model_files, exported.reference, spec, device
        )
        watcher.on_step(f"measuring {subnet}, whose logits differ from the reference by {difference:.1g}")
        measurement = measure_model(
            exported.deployment, exported.model_files, spec, device, watcher.on_progress()
        )
        measured = summarise(measurement, job.percentile)
        if measured.high_ms <= job.latency_ms:
            accuracy = counted.describe(subnet, spec) or exported.deployment.accuracy
            exported = _update(exported, {"accuracy": accuracy, "measured": measured, "tried": tuple(tried)})
            bundle = _write(job, exported, candidates, index, folder)
            compared = _compare(job, ranking.candidates, found, counted)
            return Deployed(bundle, found[place], compared, tuple(left_out), measurement.doubts)
        watcher.on_step(_explain_failure(measurement, measured, job))
        tried.append(
            Tried(
                subnet=subnet.id,
                predicted_ms=float(candidates.latency_ms[index]),
                measured_ms=measured.latency_ms,
                measured_high_ms=measured.high_ms,
                device_spec=spec.describe(),
            )
        )
        tries[place] += 1
        # What this device is slower by than its table holds for the next candidate too.
        slowdowns[place] = max(slowdowns[place], measured.high_ms / upper)
    raise InfeasibleError(_explain_end(candidates, tried, job))


def summarise_tables(tables: Sequence[LatencyTable]) -> str:
    """In a few words, what tables are worth."""
    described = [
        f"a table of {len(table.costs_ms)} layers and {len(table.networks)} networks, {table.describe_error()}"
        for table in tables
    ]
    if len(tables) == 1:
        return described[0]
    return "; ".join(
        f"{table.spec.describe_settings()}: {text}" for table, text in zip(tables, described, strict=True)
    )


def _compare(
    job: Job, candidates: Candidates, found: Sequence[ProvidedTable], counted: CountedAccuracies
) -> tuple[Compared, ...]:
    compared = []
    for place, entry in enumerate(found):
        own = candidates.take(np.flatnonzero(candidates.table == place))
        try:
            index = best(own, job.limits)
        except InfeasibleError:
            compared.append(Compared(entry, None, False))
        else:
            assumed = counted.is_assumed(own.subnet(index), entry.table.spec)
            compared.append(Compared(entry, own.describe(index), assumed))
    return tuple(compared)


def _update(exported: Exported, changes: dict[str, Any]) -> Exported:
    return replace(exported, deployment=replace(exported.deployment, **changes))


def _write(job: Job, exported: Exported, candidates: Candidates, index: int, folder: Path) -> Bundle:
    predicted = float(candidates.latency_ms[index])
    margin = float(candidates.margin[index])
    budget = Budget(limit_ms=job.latency_ms, percentile=job.percentile, confidence=CONFIDENCE)
    latency = Latency(
        latency_ms=predicted,
        low_ms=predicted * max(1 - margin, np.finfo(float).tiny),
        high_ms=predicted * (1 + margin),
    )
    complete = _update(exported, {"budget": budget, "predicted": latency})
    return write_bundle(folder, complete.deployment, complete.files)


def _explain_failure(measurement: Measurement, measured: MeasuredLatency, job: Job) -> str:
    doubts = f" ({'; '.join(measurement.doubts)})" if measurement.doubts else ""
    return (
        f"{measurement.item.label} took {measured.latency_ms:.3f} ms, up to {measured.high_ms:.3f} ms{doubts}: above "
        f"{job.latency_ms:g} ms; trying the next"
    )


def _explain_end(candidates: Candidates, tried: Sequence[Tried], job: Job) -> str:
    feasible = keep_feasible(candidates, job.limits)
    fastest = candidates.describe(int(feasible[np.argmin(candidates.latency_ms[feasible])]))
    last = f"; {tried[-1].subnet} was measured at up to {tried[-1].measured_high_ms:.3g} ms" if tried else ""
    return (
        f"infeasible: none of {len(tried)} candidates kept {job.latency_ms:g} ms when measured{last}; the fastest is "
        f"predicted to be {fastest['subnet']} at {fastest['latency_ms']:.3g} ms: raise the budget, or "
        "quieten the machine"
    )
