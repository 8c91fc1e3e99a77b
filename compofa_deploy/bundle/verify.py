"""Verification: that a bundle is what it says it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bundle.bundle import Bundle, load_bundle
from compofa_deploy.bundle.deployment import Deployment, MeasuredLatency
from compofa_deploy.files.images import Preprocess
from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.reference_network import make_reference
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import RuntimeUnavailable, VerificationError
from latency_tables.measurement import Measurement
from latency_tables.scratch import scratch_folder
from profilers.machine.clock import read_time
from profilers.measuring.kit import make_item, write_kit
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress
from profilers.targets.device import Device

MEASURE_PLAN = Plan(network_sessions=5, min_calls=100, min_ms=100.0, reference_calls=30)
"""For one model against its budget: some 2 s for a model of 1 ms."""

CONFIDENCE = 0.95
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. ``largest_difference`` is relative to the largest logit where that is above 1.

    ``elsewhere`` says how this device differs from the one that the bundle was made for; empty where it does not.
    """

    subnet: str
    largest_difference: float
    tolerance: float
    budget_ms: float | None
    measured: MeasuredLatency | None
    doubts: tuple[str, ...]
    elsewhere: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        measured = None if self.measured is None else self.measured.to_dict()
        return {**asdict(self), "measured": measured, "doubts": list(self.doubts)}


def verify(
    folder: Path,
    device: Device,
    measure: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Check a bundle's hashes, its numbers against the stored reference, and its latency against the budget.

    Args:
        folder: The bundle's folder.
        device: The device that runs and measures the model.
        measure: Whether to measure the latency.
        on_step: Told the name of each step as it begins.
        on_progress: Called after each session of the measurement.

    Returns:
        What was found.

    Raises:
        VerificationError: The first check that failed.
        MeasurementError: The model cannot be run or measured on the device.
        InputError: The folder is no bundle, or the device does not have the settings that it was made for.
    """
    on_step("hashes")
    bundle = load_bundle(folder)
    deployment, files = bundle.deployment, bundle.read_files()
    made_for, inspected = bundle.spec, ""
    try:
        inspected = device.inspect_model(files, made_for)
        spec = device.find_spec(DeviceRequest.of(made_for))
    except RuntimeUnavailable as error:
        what = f", it is {inspected}" if inspected else ""
        raise RuntimeUnavailable(
            f"{bundle.folder}: its hashes are right{what}; it was not run: {error}"
        ) from None
    on_step("numbers")
    difference = check_numbers(deployment, files, bundle.read_reference(), spec, device)
    measured: MeasuredLatency | None = None
    doubts: tuple[str, ...] = ()
    if measure:
        on_step("latency")
        measurement = measure_model(deployment, files, spec, device, on_progress)
        measured = summarise(measurement, deployment.budget.percentile if deployment.budget else 50)
        doubts = measurement.doubts
        if deployment.budget is not None and measured.high_ms > deployment.budget.limit_ms:
            raise VerificationError(
                f"{bundle.folder}: the latency is {measured.latency_ms:.3f} ms (up to {measured.high_ms:.3f} ms) and "
                f"the budget {deployment.budget.limit_ms:g} ms; deploy anew on this device"
            )
    return Report(
        deployment.subnet,
        difference,
        deployment.tolerance,
        deployment.budget.limit_ms if deployment.budget else None,
        measured,
        doubts,
        _describe_difference(bundle, spec),
    )


def check_numbers(
    deployment: Deployment,
    files: ModelFiles,
    reference: tuple[NDArray[np.uint8], NDArray[np.float64]],
    spec: DeviceSpec,
    device: Device,
) -> float:
    """Compare a model's logits with those of the reference.

    Args:
        deployment: The manifest of the model's bundle.
        files: The model.
        reference: Pixels (n, side, side, 3), and the logits (n, classes) that the model must give for them.
        spec: The device spec to run the model under.
        device: The device that runs it.

    Returns:
        The largest difference, relative to the largest logit where that is above 1.

    Raises:
        VerificationError: The difference is above the tolerance, or the logits have another shape or are not finite.
    """
    pixels, expected = reference
    images = Preprocess(deployment.preprocess.mean, deployment.preprocess.std).normalise(pixels)
    logits = device.run_model(files, spec, images)
    if logits.shape != expected.shape or not np.isfinite(logits).all():
        raise VerificationError(
            f"subnet {deployment.subnet}: the model gives {list(logits.shape)} numbers, not all finite or not as many "
            "as it should; export it anew"
        )
    difference = float(np.abs(logits - expected).max() / max(1.0, float(np.abs(expected).max())))
    if difference > deployment.tolerance:
        raise VerificationError(
            f"subnet {deployment.subnet}: logits differ from the reference by {difference:.2g}, above the tolerance of "
            f"{deployment.tolerance:g}; export it anew, or with another runtime version"
        )
    return difference


def measure_model(
    deployment: Deployment,
    files: ModelFiles,
    spec: DeviceSpec,
    device: Device,
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Measure a bundle's model beside the reference network.

    Args:
        deployment: The manifest of the model's bundle.
        files: The model.
        spec: The device spec to measure it under.
        device: The device that measures it.
        on_progress: Called after each session.
    """
    architecture = Architecture.from_dict(deployment.architecture)
    subnet = Subnet.parse(deployment.subnet, find_family(architecture).CHOICES)
    form = choose_form(spec.runtime, spec.precision)
    reference = make_reference(architecture, architecture.resolutions, spec.batch, form)
    item = make_item(
        "model",
        "network",
        files.model,
        layers=tuple(layer.key for layer in list_layers(architecture, subnet)),
        label=deployment.subnet,
        weights=files.weights,
    )
    with scratch_folder("kit") as folder:
        models = [(item, files.model), reference]
        kit = write_kit(Path(folder), deployment.architecture, models, {item.id: files.weights})
        return device.measure_kit(kit, spec, MEASURE_PLAN, on_progress=on_progress).measurements[0]


def summarise(measurement: Measurement, percentile: int) -> MeasuredLatency:
    """What a bundle keeps of a measurement: the percentile that counts, with its interval."""
    low, high = measurement.interval(CONFIDENCE, np.random.default_rng(0), percentile)
    return MeasuredLatency(
        latency_ms=measurement.session_percentile_ms(percentile),
        low_ms=low,
        high_ms=high,
        percentiles_ms={str(p): measurement.percentile(p) for p in PERCENTILES},
        sessions=len(measurement.sessions),
        samples=sum(len(session.samples_ns) for session in measurement.sessions),
        when=read_time(),
    )


def _describe_difference(bundle: Bundle, spec: DeviceSpec) -> str:
    made_for = bundle.spec
    differences = made_for.list_differences(spec)
    return f"made for {made_for.describe()}; different here: {'; '.join(differences)}" if differences else ""
