"""Tables in the formats of others, of the tiny architecture with elastic kernels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from compofa_deploy.tables.coverage import list_needed
from latency_tables.ofa_table import name_for_ofa
from tests.support.supernets import TINY

ELASTIC = replace(TINY, name="tiny-elastic", elastic_kernel=True)


def cost_of(layer, resolution, scale=1.0):
    """1 us and 1 ns for every thousand MACs; a little more at a higher resolution, as measurements differ."""
    return scale * (0.001 + 1e-9 * layer.macs) * (1 + 1e-4 * resolution)


def state_ofa(resolution, space="ofa", scale=1.0, architecture=ELASTIC):
    """One of OFA's tables, parsed."""
    needed = list_needed(architecture, resolution, space)
    return {
        name_for_ofa(layer): {"count": 50, "mean": cost_of(layer, resolution, scale), "std": 0.001}
        for layer, _ in needed.values()
    }


def write_json_table(folder: Path, resolution, **options) -> Path:
    path = folder / f"{resolution}_lookup_table.json"
    path.write_text(json.dumps(state_ofa(resolution, **options)))
    return path


def write_yaml_table(folder: Path, resolution, **options) -> Path:
    path = folder / f"{resolution}_lookup_table.yaml"
    entries = state_ofa(resolution, **options).items()
    lines = [f"{name}:\n" + "".join(f"  {k}: {v!r}\n" for k, v in entry.items()) for name, entry in entries]
    path.write_text("".join(lines))
    return path


def write_csv_table(folder: Path, resolutions=(None,), space="ofa") -> Path:
    """A CSV by our keys; without a resolution's column where the only one is ``None``."""
    path = folder / "mine.csv"
    columns = "layer,latency_ms" if resolutions == (None,) else "layer,resolution,latency_ms"
    lines = [columns]
    for resolution in resolutions:
        for key, (layer, _) in list_needed(ELASTIC, resolution or 16, space).items():
            at = "" if resolution is None else f"{resolution},"
            lines.append(f"{key},{at}{cost_of(layer, resolution or 0)!r}")
    path.write_text("\n".join(lines) + "\n")
    return path
