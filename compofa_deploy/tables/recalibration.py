"""Recalibration: a few networks are measured to bring an old table up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.graph.form import GraphForm
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, Subnet
from compofa_deploy.tables.cache import RECALIBRATED
from compofa_deploy.tables.kit_builder import build_network_kit
from latency_tables.errors import MismatchError
from latency_tables.measured_kit import MeasuredKit
from latency_tables.recalibrate import MAX_NETWORKS, Run, choose_runs, recalibrate
from latency_tables.table import LatencyTable
from profilers.measuring.kit import Kit


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The survey that makes a table of another device spec from an old table and a few networks.

    Attributes:
        old: The old table.
        architecture: Its architecture.
        resolutions: The resolutions in pixels of the new table.
        subnets: The networks to measure.
    """

    old: LatencyTable
    architecture: Architecture
    resolutions: tuple[int, ...]
    subnets: tuple[Subnet, ...]

    def build_kit(self, batch: int, folder: Path, form: GraphForm) -> Kit:
        """Write the kit of the networks; see :func:`compofa_deploy.tables.kit_builder.build_network_kit`."""
        return build_network_kit(self.architecture, self.subnets, self.resolutions, batch, folder, form)

    def build_table(self, measured: MeasuredKit) -> LatencyTable:
        """Return the new table; see :func:`latency_tables.recalibrate.recalibrate`."""
        return recalibrate(self.old, self.resolutions, measured)

    def kept_as(self, mode: str) -> str:
        """Return the cache's mode. A recalibrated table never replaces a fully measured one."""
        return RECALIBRATED


def plan_recalibration(
    old: LatencyTable,
    architecture: Architecture | None = None,
    resolutions: Sequence[int] = (),
    networks: int = MAX_NETWORKS,
) -> Recalibration:
    """Choose the networks that recalibrate an old table, among all compound subnets.

    The old table may be of any device spec: another version of the runtime, a sibling device, or an unknown device.

    Args:
        old: The old table.
        architecture: The expected architecture, or None.
        resolutions: The resolutions in pixels of the new table; empty for all of the old table's.
        networks: The number of networks.

    Raises:
        MismatchError: The old table is of another architecture, or lacks a resolution or a layer.
    """
    its_own = Architecture.from_dict(old.architecture)
    if architecture not in (None, its_own):
        raise MismatchError(
            f"{old.source} is of {its_own.name} and not of {architecture.name}; recalibrate a table of that "
            "architecture, or profile it without --from"
        )
    missing = [str(resolution) for resolution in resolutions if resolution not in old.resolutions]
    if missing:
        raise MismatchError(
            f"{old.source} has resolutions {', '.join(map(str, old.resolutions))} and not {', '.join(missing)}; choose "
            "among those, or profile without --from"
        )
    resolutions = tuple(sorted(resolutions or old.resolutions))
    subnets = [
        Subnet.compound(depths, resolution) for resolution in resolutions for depths in COMPOUND_DEPTHS
    ]
    runs = [run for resolution in resolutions for run in _list_runs(its_own, resolution)]
    chosen = [subnets[index] for index in choose_runs(old, runs, networks)]
    return Recalibration(old, its_own, resolutions, tuple(chosen))


def _list_runs(architecture: Architecture, resolution: int) -> list[Run]:
    """Return the layers of every compound subnet at a resolution."""
    units = list_units(architecture, resolution)
    stem, head = ([layer.key for layer in layers] for layers in (units.stem, units.head))
    stages = [[[layer.key for layer in unit] for unit in stage] for stage in units.stages]
    return [
        Run(
            resolution,
            (
                *stem,
                *(key for stage, d in zip(stages, depths, strict=True) for key in stage[DEPTHS.index(d)]),
                *head,
            ),
        )
        for depths in COMPOUND_DEPTHS
    ]
