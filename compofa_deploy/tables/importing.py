"""Importing the latencies that others measured as a latency table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from profilers.machine.clock import read_time

Needed = Mapping[str, tuple[Layer, Subnet]]


UNITS_MS = {"ms": 1.0, "us": 1e-3, "s": 1e3}
"""The units that a foreign table may be in, each in ms."""


def import_table(
    source: Path, architecture: Architecture, spec: DeviceSpec, space: str, unit: str = "ms"
) -> LatencyTable:
    """Read OFA's tables or CSV files as one latency table.

    Layers of the architecture's widest space are kept where they are stated.

    Args:
        source: A file, or a folder of files.
        architecture: The architecture that the files are of.
        spec: The device spec that the files are of.
        space: The space whose layers must all be there.
        unit: The unit of the files' latencies, a key of ``UNITS_MS``.

    Raises:
        MismatchError: A layer of the space is missing; it is named with a subnet that needs it.
        FormatError: A layer or a resolution is stated twice, or resolutions contradict each other.
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
            picked = _pick(stated, architecture, resolution, space)
            costs[resolution] = {key: UNITS_MS[unit] * value for key, value in picked.items()}
            origins[resolution] = stated.where
    files = sorted({stated.where for stated in found})
    origin = str(source) if len(files) == 1 else f"{len(files)} files in {source}"
    created = read_time()
    return build_imported(spec, architecture.to_dict(), costs, origin, created)


def _list_resolutions(stated: ForeignTable, architecture: Architecture, space: str) -> Sequence[int]:
    """Return the resolutions of a file: the one that it states, or those whose every layer it has."""
    if stated.resolution is not None:
        return [stated.resolution]
    missing = {
        resolution: len(_list_missing(stated, list_needed(architecture, resolution, space)))
        for resolution in architecture.resolutions
    }
    # If no resolution is complete, the message names the layers missing from the most complete one.
    return [r for r, count in missing.items() if not count] or [min(missing, key=missing.__getitem__)]


def _list_missing(stated: ForeignTable, needed: Needed) -> list[str]:
    return [
        key
        for key, (layer, _) in needed.items()
        if key not in stated.ms and name_for_ofa(layer) not in stated.ms
    ]


def _pick(stated: ForeignTable, architecture: Architecture, resolution: int, space: str) -> dict[str, float]:
    """Return the values of the architecture's layers at a resolution, by this project's keys."""
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
