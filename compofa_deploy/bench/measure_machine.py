"""Measuring the noise of a machine, with a bundle or with the baseline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from compofa_deploy.bench.baseline import make_baseline
from compofa_deploy.bench.noise import Noise, measure_noise
from compofa_deploy.bench.run import find_subjects
from latency_tables.device import DeviceRequest
from profilers.measuring.model_files import ModelFiles
from profilers.targets.device import Device, TimedModel

RUNTIME = "onnxruntime"
"""The runtime of the baseline."""


def measure_machine(
    bundle: Path | None,
    device: Device,
    limit_s: float,
    rng: np.random.Generator,
    on_seconds: Callable[[float], None],
) -> Noise:
    """Measure the noise of a device's machine.

    Args:
        bundle: The bundle to measure with; None for the baseline.
        device: The device.
        limit_s: How long to measure, in seconds.
        rng: Draws the order within blocks, and resamples them.
        on_seconds: Called with the seconds that have passed.

    Raises:
        InputError: The bundle cannot be used there.
        MeasurementError: The network cannot be loaded or run.
        WorkerDied: The measuring process died.
    """
    if bundle is not None:
        (subject,) = find_subjects([bundle], device)
        model = TimedModel(subject.bundle.read_files(), subject.spec)
    else:
        spec = device.find_spec(DeviceRequest(RUNTIME))
        model = TimedModel(ModelFiles(make_baseline(spec)[1]), spec)
    return measure_noise(model, device, limit_s, rng, on_seconds)
