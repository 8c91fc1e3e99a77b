"""Importing what others measured as a latency table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.coverage import list_needed, widest_space
from compofa_deploy.tables.foreign_files import ForeignTable, read_tables
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, MismatchError
from latency_tables.imported import build_imported
from latency_tables.layer import Layer
from latency_tables.ofa_table import name_for_ofa
from latency_tables.table import LatencyTable

Needed = Mapping[str, tuple[Layer, Subnet]]


def import_table(source: Path, architecture: Architecture, spec: DeviceSpec, space: str) -> LatencyTable:
    """Read OFA's tables or a CSV of one's own, a file or a folder of them, as one table that covers ``space``.

    Layers of the architecture's widest space are kept where they are stated; those of ``space`` must be.
    :class:`MismatchError` names the first that is missing and a subnet that needs it. :class:`FormatError` where a
    layer or a resolution is stated twice, or resolutions contradict each other.
    """
    found = read_tables(source)
    costs: dict[int, dict[str, float]] = {}
    origins: dict[int, str] = {}
    for stated in found:
        for resolution in _list_resolutions(stated, architecture, space):
            if resolution in costs:
                raise FormatError(
                    f"{stated.where}: states {resolution} px, and so does {origins[resolution]}; keep one of them"
                )
            costs[resolution] = _pick(stated, architecture, resolution, space)
            origins[resolution] = stated.where
    files = sorted({stated.where for stated in found})
    origin = str(source) if len(files) == 1 else f"{len(files)} files in {source}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return build_imported(spec, architecture.to_dict(), costs, origin, created)


def _list_resolutions(stated: ForeignTable, architecture: Architecture, space: str) -> Sequence[int]:
    """Which resolutions a file is of: the one that it says, or those that it has every layer for."""
    if stated.resolution is not None:
        return [stated.resolution]
    missing = {
        resolution: len(_list_missing(stated, list_needed(architecture, resolution, space)))
        for resolution in architecture.resolutions
    }
    # Where none is complete, the one that lacks the least says what is missing.
    return [r for r, count in missing.items() if not count] or [min(missing, key=missing.__getitem__)]


def _list_missing(stated: ForeignTable, needed: Needed) -> list[str]:
    return [
        key
        for key, (layer, _) in needed.items()
        if key not in stated.ms and name_for_ofa(layer) not in stated.ms
    ]


def _pick(stated: ForeignTable, architecture: Architecture, resolution: int, space: str) -> dict[str, float]:
    """The latencies of the architecture's layers at a resolution, by our keys."""
    needed = list_needed(architecture, resolution, space)
    for key in _list_missing(stated, needed):
        layer, subnet = needed[key]
        name = name_for_ofa(layer) if any("-input:" in name for name in stated.ms) else key
        narrower = "" if space == "compofa" else ", or import it for a smaller --space"
        raise MismatchError(
            f"{stated.where}: has no layer {name}, which {subnet} needs in the space {space} of {architecture.name}; "
            f"add it, choose the --arch that the table is of{narrower}"
        )
    costs = {}
    for key, (layer, _) in list_needed(architecture, resolution, widest_space(architecture)).items():
        names = [name for name in (key, name_for_ofa(layer)) if name in stated.ms]
        if len(names) > 1:
            raise FormatError(f"{stated.where}: layer {key} is there twice, under its key and as {names[1]}")
        if names:
            costs[key] = stated.ms[names[0]]
    return costs
