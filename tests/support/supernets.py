"""Small supernets, accuracies and tables, which are valid and quick to make."""

from __future__ import annotations

import numpy as np

from compofa_deploy.accuracy.table import SPLITS, AccuracyTable
from compofa_deploy.files.images import Preprocess
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS, largest_subnet, list_layers
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES, Subnet
from compofa_deploy.supernet.statistics import STATISTICS, encode_statistics, list_statistics, locate_unit
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from latency_tables.table import LatencyTable
from tests.latency_tables.builders import SPEC
from tests.latency_tables.builders import make_table as make_any_table

TINY = Architecture("tiny", 0.25, 4, 1, (16, 20), elastic_kernel=False)


def make_supernet(architecture: Architecture = TINY, seed: int = 0) -> StoredSupernet:
    """Return a supernet of random weights, with statistics near (0, 1) that differ from prefix to prefix."""
    rng = np.random.default_rng(seed)
    layers = list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1]))
    arrays = {
        name: array.astype(np.float16).astype(np.float32)
        for name, array in draw_weights(layers, rng).items()
        if not name.endswith(STATISTICS)
    }
    rows: dict[tuple[int, str], dict[int, np.ndarray]] = {}
    for resolution in architecture.resolutions:
        prefixes = [()] + [
            (0,) * stage + (choice,) for stage in range(STAGES) for choice in range(len(DEPTHS))
        ]
        for prefix in prefixes:
            unit, unit_layers, _ = locate_unit(architecture, resolution, prefix)
            columns = sum(length for _, length in list_statistics(unit_layers))
            count = 1 if not prefix else len(DEPTHS) ** (len(prefix) - 1)
            rows[resolution, unit] = {
                row: (1 + 0.1 * rng.standard_normal(columns)).astype(np.float32) for row in range(count)
            }
    return StoredSupernet(
        architecture,
        arrays,
        encode_statistics(architecture, rows),
        Preprocess((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        tuple(f"class{i}" for i in range(architecture.classes)),
        {"recipe": "none"},
    )


def make_accuracies(supernet: StoredSupernet) -> AccuracyTable:
    """Return accuracies that grow with the MACs, plus a small deviation."""
    rng = np.random.default_rng(1)
    architecture = supernet.architecture
    macs = np.stack(
        [list_units(architecture, r).sum_over(lambda layer: layer.macs) for r in architecture.resolutions]
    )
    share = 0.6 + 0.3 * (macs - macs.min()) / (macs.max() - macs.min())
    images = {"validation": 1000, "test": 2000}
    correct = {
        split: np.clip(
            np.rint(share * images[split] + rng.normal(0, 3, macs.shape)), 0, images[split]
        ).astype(np.int64)
        for split in SPLITS
    }
    return AccuracyTable(
        architecture.name, supernet.digest, "none", "a test", architecture.resolutions, images, correct
    )


def make_table(architecture: Architecture = TINY, spec: DeviceSpec = SPEC, **changes: object) -> LatencyTable:
    """Return a table in which every layer costs 1 us and 1 ns for every thousand MACs, exact to within 2 per cent."""
    costs = {
        layer.key: 0.001 + 1e-9 * layer.macs
        for resolution in architecture.resolutions
        for depths in COMPOUND_DEPTHS
        for layer in list_layers(architecture, Subnet.compound(depths, resolution))
    }
    known = {
        "spec": spec,
        "architecture": architecture.to_dict(),
        "layers_ms": costs,
        "costs_ms": costs,
        "intercept_ms": 0.01,
        "resolutions": architecture.resolutions,
        "residuals": tuple(np.linspace(-0.02, 0.02, 32).tolist()),
    }
    return make_any_table(**{**known, **changes})
