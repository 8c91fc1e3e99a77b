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
from compofa_deploy.bundle.verify import MeasuredModel, check_numbers, measure_model, show_apart, summarise
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
from latency_tables.table import LatencyTable
from profilers.measuring.watcher import Watcher
from profilers.targets.device import Device

if TYPE_CHECKING:
    from compofa_deploy.data.splits import DataSplits

CONFIDENCE = 0.9
"""The confidence of the predicted interval. Its upper end must keep the budget before a candidate is tried."""

MAX_TRIES = 12
"""How many candidates of one device spec are exported and measured at most."""


@dataclass(frozen=True, slots=True)
class Job:
    """The budget, the limits, and the device specs to choose among.

    Attributes:
        supernet: The supernet.
        accuracies: Its accuracies, for each precision that they were counted in.
        specs: The device specs. The bundle is for one of them.
        latency_ms: The budget.
        percentile: The percentile of the latency that keeps it.
        constraints: All limits but the budget.
        size_limit: The largest model file in bytes. The search checks an estimate first.
        command: The command line that the bundle records.
        images: Images to count the accuracy of a lower precision on. Without them, the accuracy of float32 is assumed,
            and the bundle says so.
        accept_doubtful: Whether a kept table that was measured on a disturbed machine may be used.
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
    accept_doubtful: bool = False

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """All constraints, the budget first."""
        return (MaxLatency(self.latency_ms), *self.constraints)


@dataclass(frozen=True, slots=True)
class Compared:
    """A device spec that was considered, with its best candidate by prediction.

    Attributes:
        found: The device spec's latency table.
        best: The candidate, as :meth:`compofa_deploy.search.candidates.Candidates.describe` gives it; None where no
            candidate keeps the limits.
        assumed: Whether the candidate's accuracy is that of float32.
    """

    found: ProvidedTable
    best: dict[str, Any] | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bundle that keeps its budget, and how it was found.

    Attributes:
        bundle: The bundle.
        chosen: The latency table that it was picked by.
        compared: All device specs that were considered.
        left_out: The device specs that could not be.
        doubts: The reasons not to trust the measured or the predicted latency.
    """

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
    found, left_out = provide_tables(
        architecture, job.specs, resolutions, device, cache, mode, watcher, job.accept_doubtful
    )
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
        run = measure_model(exported.deployment, exported.model_files, spec, device, watcher.on_progress())
        measured = summarise(run.measurement, job.percentile)
        if measured.high_ms <= job.latency_ms:
            accuracy = counted.describe(subnet, spec) or exported.deployment.accuracy
            doubts = (*run.doubts, *(f"its latency table: {doubt}" for doubt in tables[place].doubts))
            changes = {"accuracy": accuracy, "measured": measured, "tried": tuple(tried), "doubts": doubts}
            bundle = _write(job, _update(exported, changes), candidates, index, folder)
            compared = _compare(job, ranking.candidates, found, counted)
            return Deployed(bundle, found[place], compared, tuple(left_out), doubts)
        watcher.on_step(_explain_failure(run, measured, job))
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
        # Later candidates are scaled by the slowdown observed so far.
        slowdowns[place] = max(slowdowns[place], measured.high_ms / upper)
    raise InfeasibleError(_explain_end(candidates, tried, job))


def summarise_tables(tables: Sequence[LatencyTable]) -> str:
    """A few words on the size and the error of tables."""
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


def _explain_failure(run: MeasuredModel, measured: MeasuredLatency, job: Job) -> str:
    doubts = f" ({'; '.join(run.doubts)})" if run.doubts else ""
    latency, high, limit = show_apart(measured.latency_ms, measured.high_ms, job.latency_ms)
    return f"{run.measurement.item.label} took {latency} ms, up to {high} ms{doubts}: above {limit} ms; trying the next"


def _explain_end(candidates: Candidates, tried: Sequence[Tried], job: Job) -> str:
    feasible = keep_feasible(candidates, job.limits)
    fastest = candidates.describe(int(feasible[np.argmin(candidates.latency_ms[feasible])]))
    last = f"; {tried[-1].subnet} was measured at up to {tried[-1].measured_high_ms:.3g} ms" if tried else ""
    return (
        f"infeasible: none of {len(tried)} candidates kept {job.latency_ms:g} ms when measured{last}; the fastest is "
        f"predicted to be {fastest['subnet']} at {fastest['latency_ms']:.3g} ms: raise the budget, or "
        "quieten the machine"
    )
