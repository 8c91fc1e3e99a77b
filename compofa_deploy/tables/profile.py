"""Profiling: from an architecture and a device spec to a latency table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from compofa_deploy.graph.form import GraphForm, choose_form
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.kit_builder import build_kit
from latency_tables.device import DeviceSpec
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import scratch_folder
from latency_tables.table import LatencyTable
from profilers.measuring.kit import Kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress
from profilers.targets.device import Device

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
    device: Device,
    cache: Cache,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure an architecture on a device and calibrate its table.

    Args:
        architecture: What the table is of.
        spec: The device spec to measure.
        resolutions: The resolutions of the table.

    The other arguments and the errors are those of :func:`make_table`.
    """
    return make_table(FullSurvey(architecture, tuple(resolutions)), spec, device, cache, mode, on_progress)


def make_table(
    survey: Survey,
    spec: DeviceSpec,
    device: Device,
    cache: Cache,
    mode: str = "full",
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure what a survey needs and make its table, which is kept in the cache.

    A run that was stopped goes on from its journal, wherever the device keeps it.

    Args:
        survey: What to measure.
        spec: The device spec to measure.
        device: The device that measures.
        cache: Where the table is kept.
        mode: How thoroughly to measure, ``quick`` or ``full``.
        on_progress: Called after each session.

    Raises:
        MeasurementError: The device cannot measure an item of the kit.
        MismatchError: The device spec is not that of the device.
    """
    with build_survey_kit(survey, spec, cache) as kit:
        return measure_table(survey, kit, spec, device, cache, mode, on_progress)


@contextmanager
def build_survey_kit(survey: Survey, spec: DeviceSpec, cache: Cache) -> Iterator[Kit]:
    """Write a survey's kit for a device spec into the cache; it is removed when the block ends."""
    with scratch_folder("kit", cache.kits()) as folder:
        yield survey.build_kit(spec.batch, folder, choose_form(spec.runtime, spec.precision))


def measure_table(
    survey: Survey,
    kit: Kit,
    spec: DeviceSpec,
    device: Device,
    cache: Cache,
    mode: str,
    on_progress: OnProgress | None = None,
) -> LatencyTable:
    """Measure a survey's kit and make its table; the other arguments and the errors are those of :func:`make_table`."""
    key = name_run(kit, spec, mode)
    table = survey.build_table(device.measure_kit(kit, spec, PLANS[mode](), key, on_progress))
    table.save(cache.table_path(survey.architecture, spec, survey.kept_as(mode)))
    device.forget_run(key)
    return table


def name_run(kit: Kit, spec: DeviceSpec, purpose: str) -> str:
    """The name of the run that measures a kit under a device spec for a purpose."""
    return f"{kit.kit_id[:12]}-{spec.id}-{purpose}"
