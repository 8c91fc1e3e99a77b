"""Profiling: from an architecture and a device spec to a latency table."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from compofa_deploy.graph.form import GraphForm, choose_form
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.kit_builder import build_kit
from latency_tables.device import DeviceSpec
from latency_tables.measured_kit import MeasuredKit
from latency_tables.table import LatencyTable
from profilers.measuring.kit import Kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, measure_kit

PLANS = {"quick": Plan.quick, "full": Plan.full}


class Survey(Protocol):
    """What is measured for a table, and how the table is made of it."""

    @property
    def architecture(self) -> Architecture:
        """What the table is of."""

    def build_kit(self, batch: int, folder: Path, form: GraphForm) -> Kit:
        """Write the kit into a new or empty folder."""

    def build_table(self, measured: MeasuredKit) -> LatencyTable:
        """The table of what a device brought back."""

    def kept_as(self, mode: str) -> str:
        """What the table of a plan is called in the cache."""


@dataclass(frozen=True, slots=True)
class FullSurvey:
    """Every layer, and networks that cover the space at these resolutions."""

    architecture: Architecture
    resolutions: tuple[int, ...]

    def build_kit(self, batch: int, folder: Path, form: GraphForm) -> Kit:
        """See :func:`compofa_deploy.tables.kit_builder.build_kit`."""
        return build_kit(self.architecture, self.resolutions, batch, folder, form)

    def build_table(self, measured: MeasuredKit) -> LatencyTable:
        """See :func:`latency_tables.build.build_table`."""
        return measured.build_table()

    def kept_as(self, mode: str) -> str:
        """By its plan."""
        return mode


def profile(
    architecture: Architecture,
    spec: DeviceSpec,
    resolutions: Sequence[int],
    cache: Cache,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure a device spec on this machine and calibrate its table; see :func:`make_table`."""
    return make_table(FullSurvey(architecture, tuple(resolutions)), spec, cache, mode, on_progress)


def make_table(
    survey: Survey,
    spec: DeviceSpec,
    cache: Cache,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure what a survey needs on this machine and make its table, which is kept in the cache.

    A run that was stopped goes on from its journal in the cache. ``mode`` is ``quick`` or ``full``.
    """
    plan = PLANS[mode]()
    folder = Path(tempfile.mkdtemp(dir=cache.kits()))
    try:
        kit = survey.build_kit(spec.batch, folder, choose_form(spec.runtime, spec.precision))
        journal = cache.journal(kit.kit_id, spec, mode)
        table = survey.build_table(measure_kit(kit, spec, journal, plan, on_progress))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.save(cache.table_path(survey.architecture, spec, survey.kept_as(mode)))
    journal.unlink(missing_ok=True)
    return table
