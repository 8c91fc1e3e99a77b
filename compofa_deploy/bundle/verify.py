"""Verification: that a bundle is what it says it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from latency_tables.machine import list_doubts
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

SLOWER_MACHINE = 1.03
"""Where the reference network takes this many times as long as when a bundle was made, the machine is slower."""
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


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """The measurement of a model, with the reasons not to trust it: its own, and those of the machine meanwhile."""

    measurement: Measurement
    doubts: tuple[str, ...]


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
        run = measure_model(deployment, files, spec, device, on_progress)
        measured = summarise(run.measurement, deployment.budget.percentile if deployment.budget else 50)
        doubts = run.doubts
        if deployment.budget is not None and measured.high_ms > deployment.budget.limit_ms:
            raise VerificationError(
                f"{bundle.folder}: {explain_broken(deployment.budget.limit_ms, measured, deployment.measured, doubts)}"
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
) -> MeasuredModel:
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
        measured = device.measure_kit(kit, spec, MEASURE_PLAN, on_progress=on_progress)
    (measurement,) = measured.measurements
    return MeasuredModel(measurement, (*measurement.doubts, *list_doubts(measured.conditions, spec.threads)))


def explain_broken(
    limit_ms: float, measured: MeasuredLatency, then: MeasuredLatency | None, doubts: Sequence[str] = ()
) -> str:
    """Explain in one line why a bundle breaks its budget: the machine is slower than it was, or the model is.

    The reference network tells them apart, since it was measured with the bundle, and is measured now.

    Args:
        limit_ms: The budget.
        measured: The latency that was measured now.
        then: The latency that was measured when the bundle was made; None where it was not.
        doubts: The reasons not to trust the measurement.
    """
    latency, high, limit = show_apart(measured.latency_ms, measured.high_ms, limit_ms)
    text = f"the latency is {latency} ms (up to {high} ms) and the budget {limit} ms"
    if then is None or then.reference_ms is None or measured.reference_ms is None:
        text += "; deploy again on this device"
    else:
        ratio = measured.reference_ms / then.reference_ms
        text += f"; the reference network takes {ratio:.2f} times as long as when the bundle was made"
        if ratio > SLOWER_MACHINE:
            text += ": the machine is slower, so free it from other work and verify again"
        else:
            text += ": the machine is not slower, so deploy again on this device"
    return f"{text} (in doubt: {'; '.join(doubts)})" if doubts else text


def show_apart(*values: float) -> list[str]:
    """Numbers with at least three significant digits, and as many as it takes to tell unequal ones apart.

    >>> show_apart(0.2296, 0.23004, 0.23)
    ['0.2296', '0.23004', '0.23']
    """
    for digits in range(3, 16):
        shown = [f"{value:.{digits}g}" for value in values]
        if len(set(shown)) == len(set(values)):
            break
    return shown


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
        reference_ms=measurement.reference_ms,
    )


def _describe_difference(bundle: Bundle, spec: DeviceSpec) -> str:
    made_for = bundle.spec
    differences = made_for.list_differences(spec)
    return f"made for {made_for.describe()}; different here: {'; '.join(differences)}" if differences else ""
