"""A latency table of each of several device specs: found where there is one, measured where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.tables.cache import MODES, Cache
from compofa_deploy.tables.profile import profile
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError, MeasurementError, MismatchError
from latency_tables.shipped import list_shipped
from latency_tables.table import LatencyTable
from latency_tables.units import NS_PER_S, S_PER_MIN
from profilers.machine.clock import now_ns
from profilers.measuring.runner import Progress
from profilers.measuring.watcher import Watcher
from profilers.targets.device import Device

MEASURED, CACHED, SHIPPED = "measured", "cached", "shipped"
"""The origins of a table."""


@dataclass(frozen=True, slots=True)
class ProvidedTable:
    """A table, and its origin: :data:`MEASURED`, :data:`CACHED` or :data:`SHIPPED`."""

    table: LatencyTable
    origin: str


def provide_tables(
    architecture: Architecture,
    specs: Sequence[DeviceSpec],
    resolutions: Sequence[int],
    device: Device,
    cache: Cache,
    mode: str,
    watcher: Watcher,
    accept_doubtful: bool = False,
) -> tuple[list[ProvidedTable], list[Skipped]]:
    """Find or measure the latency table of each device spec.

    The device specs are measured one at a time, since they would slow each other down. Where several are asked for, a
    table that ships is used for a machine that is equal in everything that a device spec says. A device spec that is
    asked for alone is measured on the machine itself.

    Args:
        architecture: What the tables are of.
        specs: The device specs.
        resolutions: The resolutions that each table must have.
        device: The device that measures.
        cache: Where tables are kept.
        mode: How thoroughly to measure, ``quick`` or ``full``.
        watcher: Told of the progress.
        accept_doubtful: Whether a kept table that was measured on a disturbed machine may be used. Otherwise it is
            measured again.

    Returns:
        The tables in the order of the device specs, and the device specs that could not be measured.

    Raises:
        MeasurementError: No device spec could be measured; the error is the first one's.
        MismatchError: The same, where the device does not compute as the first one says.
    """
    known = {
        spec: found
        for spec in specs
        if (found := _find(architecture, spec, resolutions, cache, len(specs) > 1, accept_doubtful, watcher))
    }
    missing = [spec for spec in specs if spec not in known]
    overall = _Overall(len(missing), watcher) if missing else None
    errors: list[CompofaError] = []
    left_out: list[Skipped] = []
    for spec in missing:
        assert overall is not None
        watcher.on_step(f"profiling {overall.describe()}{spec.describe()}{overall.estimate()}")
        try:
            table = profile(architecture, spec, resolutions, device, cache, mode, overall.on_progress)
        except (MeasurementError, MismatchError) as error:
            errors.append(error)
            left_out.append(Skipped(spec.describe(), str(error)))
            watcher.on_step(f"left out: {spec.describe()}: {error}")
        else:
            known[spec] = ProvidedTable(table, MEASURED)
        overall.end_spec()
    if not known:
        raise errors[0]
    return [known[spec] for spec in specs if spec in known], left_out


def _find(
    architecture: Architecture,
    spec: DeviceSpec,
    resolutions: Sequence[int],
    cache: Cache,
    shipped: bool,
    accept_doubtful: bool,
    watcher: Watcher,
) -> ProvidedTable | None:
    table = cache.find_table(architecture, spec, resolutions, MODES)
    if table is not None and (accept_doubtful or not table.doubts):
        return ProvidedTable(table, CACHED)
    if table is not None:
        watcher.on_step(
            f"the kept table of {spec.describe_settings()} was measured on a disturbed machine "
            f"({'; '.join(table.doubts)}), so it is measured again; --accept-doubtful uses it"
        )
    for path in _list_shipped(architecture, spec) if shipped else ():
        table = LatencyTable.load(path)
        same = table.spec == spec and table.architecture == architecture.to_dict()
        if same and set(resolutions) <= set(table.resolutions):
            return ProvidedTable(table, SHIPPED)
    return None


def _list_shipped(architecture: Architecture, spec: DeviceSpec) -> list[Path]:
    """The tables that ship and may be of a device spec, by their names, so that the others need not be read."""
    begin = f"{architecture.name}-{spec.runtime}-{spec.precision}-"
    return [path for path in list_shipped() if path.stem.startswith(begin)]


class _Overall:
    """The progress of measuring ``count`` device specs, one after the other, as if it were one measurement.

    The number of sessions of the others is known when they begin. Until then each counts as long as the present one.
    """

    def __init__(self, count: int, watcher: Watcher) -> None:
        self._count, self._number, self._visits = count, 1, 0
        self._begun = now_ns()
        self._total = 0
        self._show = watcher.on_progress()

    def describe(self) -> str:
        """The number of the present device spec, of how many; empty where there is one."""
        return f"{self._number} of {self._count}, " if self._count > 1 else ""

    def estimate(self) -> str:
        """The time that the remaining device specs will take, by the finished ones; empty before the first is done."""
        done = self._number - 1
        if not done:
            return ""
        seconds = (now_ns() - self._begun) / NS_PER_S / done * (self._count - done)
        left = f"{seconds:.0f} s" if seconds < 2 * S_PER_MIN else f"{seconds / S_PER_MIN:.0f} min"
        return f" (about {left} left)"

    def on_progress(self, progress: Progress) -> None:
        """Count one more session of the present device spec."""
        self._total = progress.total
        total = self._visits + progress.total * (self._count - self._number + 1)
        self._show(replace(progress, done=self._visits + progress.done, total=total))

    def end_spec(self) -> None:
        """End the present device spec, whether or not it could be measured."""
        self._visits += self._total
        self._number += 1
        self._total = 0
