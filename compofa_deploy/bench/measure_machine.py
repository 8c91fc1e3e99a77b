"""Measuring the noise of this machine, with a bundle or with the baseline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from compofa_deploy.bench.baseline import make_baseline
from compofa_deploy.bench.noise import Noise, measure_noise
from compofa_deploy.bench.run import find_subjects
from latency_tables.device import DeviceSpec
from latency_tables.files import replace_file
from latency_tables.scratch import scratch_folder
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.paired_worker import locate
from profilers.runtimes.registry import find_runtime

RUNTIME = "onnxruntime"
"""The runtime of the baseline."""


def measure_machine(
    bundle: Path | None, limit_s: float, rng: np.random.Generator, on_seconds: Callable[[float], None]
) -> Noise:
    """Measure the noise of this machine.

    Args:
        bundle: The bundle to measure with; None for the baseline.
        limit_s: How long to measure, in seconds.
        rng: Draws the order within blocks, and resamples them.
        on_seconds: Called with the seconds that have passed.

    Raises:
        InputError: The bundle cannot be used here.
        MeasurementError: The network cannot be loaded or run.
        WorkerDied: The measuring process died.
    """
    if bundle is not None:
        (subject,) = find_subjects([bundle])
        model = locate(subject.spec, subject.bundle.model_files, ())
        return measure_noise(subject.spec, model, limit_s, rng, on_seconds)
    spec = find_runtime(RUNTIME).spec()
    with scratch_folder("noise") as scratch:
        path = _write_baseline(spec, Path(scratch))
        return measure_noise(spec, locate(spec, ModelPaths.hash(path), ()), limit_s, rng, on_seconds)


def _write_baseline(spec: DeviceSpec, folder: Path) -> Path:
    path = folder / "baseline.onnx"
    with replace_file(path) as file:
        file.write(make_baseline(spec)[1])
    return path
