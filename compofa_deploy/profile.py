"""Profiling: from an architecture and a device spec to a latency table."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compofa_deploy.architecture import Architecture
from compofa_deploy.cache import Cache
from compofa_deploy.graph.form import choose_form
from compofa_deploy.kit import build_kit
from latency_tables.device import DeviceSpec
from latency_tables.table import LatencyTable
from profilers.plan import Plan
from profilers.runner import OnProgress, measure_kit

PLANS = {"quick": Plan.quick, "full": Plan.full}


def profile(
    architecture: Architecture,
    spec: DeviceSpec,
    resolutions: Sequence[int],
    cache: Cache,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure a device spec on this machine and calibrate its table, which is kept in the cache.

    A run that was stopped goes on from its journal in the cache. ``mode`` is ``quick`` or ``full``.
    """
    plan = PLANS[mode]()
    folder = Path(tempfile.mkdtemp(dir=cache.kits()))
    try:
        form = choose_form(spec.runtime, spec.precision)
        kit = build_kit(architecture, resolutions, spec.batch, folder, form)
        journal = cache.journal(kit.kit_id, spec, mode)
        table = measure_kit(kit, spec, journal, plan, on_progress).build_table()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.save(cache.table_path(architecture, spec, mode))
    journal.unlink(missing_ok=True)
    return table
