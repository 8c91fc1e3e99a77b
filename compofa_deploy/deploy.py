"""The closed loop: from a budget on this device to a bundle that was measured to keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from compofa_deploy.cache import MODES, Cache
from compofa_deploy.evaluation.table import AccuracyTable
from compofa_deploy.export.bundle import (
    Budget,
    Bundle,
    Latency,
    MeasuredLatency,
    Tried,
    check_replaceable,
    decode_reference,
    write_bundle,
)
from compofa_deploy.export.export import Exported, export
from compofa_deploy.profile import profile
from compofa_deploy.search.candidates import Candidates, list_candidates
from compofa_deploy.search.constraints import Constraint, MaxLatency
from compofa_deploy.search.select import rank
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.verify import check_numbers, measure_model, summarise
from latency_tables.device import DeviceSpec
from latency_tables.errors import InfeasibleError
from latency_tables.measurement import Measurement
from latency_tables.table import LatencyTable
from profilers.runner import OnProgress

CONFIDENCE = 0.9
"""Of the predicted interval whose upper end must keep the budget before a candidate is tried."""

MAX_TRIES = 12
"""Candidates that are exported and measured before the loop gives up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for. ``size_limit`` is checked against the file, after the search has checked its estimate."""

    supernet: StoredSupernet
    accuracies: AccuracyTable
    spec: DeviceSpec
    latency_ms: float
    percentile: int = 50
    constraints: tuple[Constraint, ...] = ()
    size_limit: int | None = None
    command: str = ""


class Watcher(Protocol):
    """Who is told how far a deployment is."""

    def on_step(self, text: str) -> None:
        """A step begins."""

    def on_progress(self) -> OnProgress:
        """Who is told of the visits of a measurement that begins now."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bundle that keeps its budget, with how it was found."""

    bundle: Bundle
    table: LatencyTable
    measured_table: bool
    doubts: tuple[str, ...]


def deploy(job: Job, folder: Path, cache: Cache, watcher: Watcher, mode: str = "quick") -> Deployed:
    """Profile (or find the table), search, export, verify and measure; the next candidate where the upper confidence
    bound of the measured latency breaks the budget, until one keeps it.

    :class:`InfeasibleError` where no candidate is predicted to keep the constraints, or none kept them when measured.
    """
    check_replaceable(folder)
    limit = MaxLatency(job.latency_ms)
    job.accuracies.check_supernet(job.supernet.digest)
    architecture, resolutions = job.supernet.architecture, job.accuracies.resolutions
    table = cache.find_table(architecture, job.spec, resolutions, MODES)
    is_new = table is None
    if table is None:
        watcher.on_step(f"profiling {job.spec.describe()}")
        table = profile(architecture, job.spec, resolutions, cache, mode, watcher.on_progress())
    watcher.on_step(f"searching {table_summary(table)}")
    candidates = list_candidates(architecture, job.accuracies, [table], job.percentile, CONFIDENCE)
    ranked = rank(candidates, (limit, *job.constraints))
    tried: list[Tried] = []
    slowdown = 1.0
    for index in ranked:
        upper = float(candidates.latency_ms[index] * (1 + candidates.margin[index]))
        if upper * slowdown > job.latency_ms:
            continue
        if len(tried) == MAX_TRIES:
            break
        subnet = candidates.subnet(index)
        watcher.on_step(f"exporting and checking {subnet}")
        exported = export(job.supernet, subnet, job.spec, job.accuracies, job.command)
        if job.size_limit is not None and exported.deployment.size_bytes > job.size_limit:
            continue
        reference = _check(exported, job.spec)
        watcher.on_step(f"measuring {subnet}, whose logits differ from the reference by {reference:.1g}")
        measurement = measure_model(
            exported.deployment, exported.model, job.spec, watcher.on_progress(), exported.weights
        )
        measured = summarise(measurement, job.percentile)
        if measured.high_ms <= job.latency_ms:
            bundle = _write(job, exported, candidates, int(index), measured, tried, folder)
            return Deployed(bundle, table, is_new, measurement.doubts)
        watcher.on_step(_explain_failure(measurement, measured, job))
        tried.append(
            Tried(
                subnet=subnet.id,
                predicted_ms=float(candidates.latency_ms[index]),
                measured_ms=measured.latency_ms,
                measured_high_ms=measured.high_ms,
            )
        )
        # What this device is slower by than its table holds for the next candidate too.
        slowdown = max(slowdown, measured.high_ms / upper)
    raise InfeasibleError(_explain_end(candidates, ranked, tried, job))


def table_summary(table: LatencyTable) -> str:
    """In a few words, what a table is worth."""
    return f"a table of {len(table.costs_ms)} layers and {len(table.networks)} networks, {table.describe_error()}"


def _check(exported: Exported, spec: DeviceSpec) -> float:
    """The exported model's numbers against the reference that it was exported with."""
    reference = exported.files[exported.deployment.reference.file]
    pixels, expected = decode_reference(reference, "the export")
    return check_numbers(exported.deployment, exported.model, pixels, expected, spec, exported.weights)


def _write(
    job: Job,
    exported: Exported,
    candidates: Candidates,
    index: int,
    measured: MeasuredLatency,
    tried: Sequence[Tried],
    folder: Path,
) -> Bundle:
    predicted = float(candidates.latency_ms[index])
    margin = float(candidates.margin[index])
    deployment = exported.deployment.model_copy(
        update={
            "budget": Budget(limit_ms=job.latency_ms, percentile=job.percentile, confidence=CONFIDENCE),
            "predicted": Latency(
                latency_ms=predicted,
                low_ms=predicted * max(1 - margin, np.finfo(float).tiny),
                high_ms=predicted * (1 + margin),
            ),
            "measured": measured,
            "tried": tuple(tried),
        }
    )
    complete = replace(exported, deployment=deployment)
    return write_bundle(folder, complete.deployment, complete.files)


def _explain_failure(measurement: Measurement, measured: MeasuredLatency, job: Job) -> str:
    doubts = f" ({'; '.join(measurement.doubts)})" if measurement.doubts else ""
    return (
        f"{measurement.item.label} took {measured.latency_ms:.3f} ms, up to {measured.high_ms:.3f} ms{doubts}: above "
        f"{job.latency_ms:g} ms; trying the next"
    )


def _explain_end(
    candidates: Candidates,
    ranked: np.ndarray[tuple[int], np.dtype[np.intp]],
    tried: Sequence[Tried],
    job: Job,
) -> str:
    fastest = candidates.describe(int(ranked[np.argmin(candidates.latency_ms[ranked])]))
    last = f"; {tried[-1].subnet} was measured at up to {tried[-1].measured_high_ms:.3g} ms" if tried else ""
    return (
        f"infeasible: none of {len(tried)} candidates kept {job.latency_ms:g} ms when measured{last}; the fastest is "
        f"predicted to be {fastest['subnet']} at {fastest['latency_ms']:.3g} ms: raise the budget, or "
        "quieten the machine"
    )
