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
from compofa_deploy.graph.reference_network import build_reference
from compofa_deploy.space.architecture import Architecture
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import RuntimeUnavailable, VerificationError
from latency_tables.measurement import Measurement
from profilers.machine.environment import read_conditions
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, measure_models
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.runtimes.session import Session

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
    measure: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Check a bundle's hashes, its numbers against the stored reference, and its latency against the budget.

    :class:`VerificationError` at the first that fails. The latency is measured on this machine.
    """
    on_step("hashes")
    bundle = load_bundle(folder)
    deployment = bundle.deployment
    made_for, inspected = bundle.spec, ""
    try:
        inspected = find_runtime(made_for.runtime).inspect(bundle.read_model(), made_for)
        spec = find_spec(DeviceRequest.of(made_for))
    except RuntimeUnavailable as error:
        what = f", it is {inspected}" if inspected else ""
        raise RuntimeUnavailable(
            f"{bundle.folder}: its hashes are right{what}; it was not run: {error}"
        ) from None
    on_step("numbers")
    pixels, expected = bundle.read_reference()
    model, weights = bundle.read_model(), bundle.read_weights()
    difference = check_numbers(deployment, model, pixels, expected, spec, weights)
    measured: MeasuredLatency | None = None
    doubts: tuple[str, ...] = ()
    if measure:
        on_step("latency")
        measurement = measure_model(deployment, model, spec, on_progress, weights)
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
    model: bytes,
    pixels: NDArray[np.uint8],
    expected: NDArray[np.float64],
    spec: DeviceSpec,
    weights: bytes = b"",
) -> float:
    """Run a model on the reference's pixels; the largest relative difference, or :class:`VerificationError`.

    ``weights`` are those that the bundle keeps apart from the model, here and below.
    """
    images = Preprocess(deployment.preprocess.mean, deployment.preprocess.std).normalise(pixels)
    logits = run_model(deployment, model, images, spec, weights)
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


def run_model(
    deployment: Deployment,
    model: bytes,
    images: NDArray[np.float32],
    spec: DeviceSpec,
    weights: bytes = b"",
) -> NDArray[np.float32]:
    """Logits (n, classes) of any number of images (n, 3, side, side), a batch of the model's size at a time."""
    with find_runtime(spec.runtime).open(model, spec, weights) as session:
        return run_batches(session, deployment.input.shape[0], images)


def run_batches(session: Session, batch: int, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of any number of images (n, 3, side, side) by a model that takes ``batch`` at once."""
    padded = np.concatenate([images, np.zeros((-len(images) % batch, *images.shape[1:]), np.float32)])
    logits = [
        session.run({session.inputs[0].name: padded[i : i + batch]})[session.outputs[0].name]
        for i in range(0, len(padded), batch)
    ]
    return np.concatenate(logits)[: len(images)]


def measure_model(
    deployment: Deployment,
    model: bytes,
    spec: DeviceSpec,
    on_progress: OnProgress | None = None,
    weights: bytes = b"",
) -> Measurement:
    """Measure a bundle's model on this machine, between looks at the reference network."""
    form = choose_form(spec.runtime, spec.precision)
    reference = build_reference(Architecture.from_dict(deployment.architecture), spec.batch, form)
    label = deployment.subnet
    return measure_models(
        {label: model}, reference, spec, MEASURE_PLAN, on_progress, weights={label: weights}
    )[0]


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
        when=read_conditions().when,
    )


def _describe_difference(bundle: Bundle, spec: DeviceSpec) -> str:
    made_for = bundle.spec
    differences = made_for.list_differences(spec)
    return f"made for {made_for.describe()}; different here: {'; '.join(differences)}" if differences else ""
