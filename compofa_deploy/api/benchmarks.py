"""Latency of bundles for CI: measuring them, comparing them, and the noise of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.api.devices import open_local
from compofa_deploy.bench.match_bundles import compare_pairs, find_pairs
from compofa_deploy.bench.measure_machine import measure_machine
from compofa_deploy.bench.noise import Noise
from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bench.run import find_subjects, plan_sampling
from compofa_deploy.bench.run import run_bench as run_subjects
from compofa_deploy.bench.verdict import Comparison
from profilers.measuring.watcher import SILENT, Watcher


@dataclass(frozen=True, slots=True)
class BundleComparison:
    """The comparisons of bundles, and one sentence for each bundle that only one side has."""

    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]


def run_bench(
    bundles: Sequence[Path],
    sampled_ms: float = 3000.0,
    label: str = "",
    command: str = "",
    watcher: Watcher = SILENT,
) -> BenchResult:
    """Measures bundles on this machine: latency, memory, load time and size.

    Args:
        bundles: The bundles' folders; results go by the folders' names.
        sampled_ms: How long each bundle is sampled, in ms.
        label: What the result is of, as a commit.
        command: The command line that the result records.
        watcher: Is told of the steps.

    Raises:
        InputError: A folder is not a bundle, or has the name of another.
        MeasurementError: A bundle cannot be loaded or run.
        RuntimeUnavailable: A bundle's runtime does not work here.
    """
    device = open_local()
    subjects = find_subjects(bundles, device)
    return run_subjects(subjects, plan_sampling(sampled_ms), device, watcher, label, command)


def compare_bundles(
    old: Path,
    new: Path,
    max_regression: float = 0.03,
    limit_s: float = 9.0,
    on_share: Callable[[str, float], None] = lambda name, share: None,
) -> BundleComparison:
    """Compares the latencies of bundles side by side on this machine.

    Args:
        old: A bundle, or a folder of bundles.
        new: A bundle, or a folder of bundles.
        max_regression: The largest acceptable slowdown, as a share of 1.
        limit_s: The longest time for one model, in seconds.
        on_share: Is called with a model's name, and the share of its time that has passed.

    Raises:
        InputError: A folder is not a bundle, or no two bundles have one name.
        MeasurementError: A bundle cannot be loaded or run.
    """
    device = open_local()
    pairs, warnings = find_pairs(old, new, device)
    found = compare_pairs(pairs, device, max_regression, limit_s, np.random.default_rng(), on_share)
    return BundleComparison(tuple(found), warnings)


def measure_noise(
    bundle: Path | None = None,
    limit_s: float = 30.0,
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> Noise:
    """Measures how much this machine disturbs a measurement.

    Args:
        bundle: The bundle to measure with; ``None`` for the reference network of :func:`run_bench`.
        limit_s: How long to measure, in seconds.
        on_seconds: Is called with the seconds that have passed.

    Raises:
        InputError: The folder is not a bundle.
        MeasurementError: The model cannot be loaded or run.
    """
    return measure_machine(bundle, open_local(), limit_s, np.random.default_rng(0), on_seconds)
