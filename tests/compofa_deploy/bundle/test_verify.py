"""Verification finds a byte that changed, numbers that are off, and a latency that breaks the budget."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.bundle import verify as verify_module
from compofa_deploy.bundle.bundle import (
    MANIFEST,
    REFERENCE,
    decode_reference,
    encode_reference,
    load_bundle,
)
from compofa_deploy.bundle.verify import check_numbers, explain_broken, measure_model, summarise, verify
from compofa_deploy.export.export import export
from compofa_deploy.files.images import Preprocess
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceRequest
from latency_tables.errors import MeasurementError, RuntimeUnavailable, VerificationError
from profilers.machine.environment import read_machine
from profilers.runtimes.registry import find_spec
from profilers.targets.runtime_status import RuntimeStatus
from profilers.targets.simulated import SimulatedDevice
from tests.compofa_deploy.export.builders import change_manifest, flip_byte, replace_content
from tests.support.measurements import make_measured


def set_budget(folder, limit_ms, percentile=50):
    budget = {"limit_ms": limit_ms, "percentile": percentile, "confidence": 0.9}
    change_manifest(folder, lambda content: content.update(budget=budget))


def test_a_bundle_that_is_right_is_verified(bundle, simulated):
    simulated.latency_ms = lambda label: 1.0
    set_budget(bundle, 1.5)
    steps = []
    report = verify(bundle, simulated, on_step=steps.append)
    assert steps == ["hashes", "numbers", "latency"]
    assert report.subnet == "23432@16"
    assert report.largest_difference <= report.tolerance
    assert report.budget_ms == 1.5
    assert report.measured.latency_ms == pytest.approx(1.0, rel=1e-3)
    assert report.elsewhere == ""
    assert report.to_dict()["measured"]["sessions"] == 5


def test_without_the_latency_nothing_is_measured(bundle, simulated):
    report = verify(bundle, simulated, measure=False)
    assert simulated.measured == []
    assert report.measured is None
    assert report.to_dict()["measured"] is None


@pytest.mark.parametrize("file", ["model.onnx", REFERENCE, MANIFEST])
def test_a_byte_that_changed_is_found_before_anything_runs(bundle, file):
    flip_byte(bundle / file, (bundle / file).read_bytes().find(b"23432") if file == MANIFEST else -1)
    nothing_can_run = SimulatedDevice()
    with pytest.raises(VerificationError, match=file):
        verify(bundle, nothing_can_run)


def test_a_latency_above_the_budget_is_found(bundle, simulated):
    simulated.latency_ms = lambda label: 1.0
    set_budget(bundle, 0.9)
    with pytest.raises(VerificationError, match=r"is 1 ms \(up to 1 ms\) and the budget 0\.9 ms"):
        verify(bundle, simulated)


def test_a_latency_just_below_the_budget_keeps_it(bundle, simulated):
    simulated.latency_ms = lambda label: 0.999
    set_budget(bundle, 1.0)
    assert verify(bundle, simulated).measured.high_ms == pytest.approx(0.999, rel=1e-3)


def test_a_bundle_is_measured_where_the_device_is(bundle, simulated):
    simulated.latency_ms, simulated.name = lambda label: 1.0, "a phone"
    assert verify(bundle, simulated).measured.latency_ms == pytest.approx(1.0, rel=1e-3)
    assert simulated.measured == [["23432@16"]]
    simulated.faults["23432@16"] = MeasurementError("it ran out of memory; close other programs")
    with pytest.raises(MeasurementError, match="a phone: it ran out of memory"):
        verify(bundle, simulated)


def test_a_device_without_the_runtime_says_that_the_hashes_are_right(bundle):
    missing = RuntimeStatus("onnxruntime", "", False, "it is not installed", "pip install onnxruntime", {}, 1)
    with pytest.raises(
        RuntimeUnavailable, match=r"its hashes are right; it was not run: a phone: .*pip install onnxruntime"
    ):
        verify(bundle, SimulatedDevice(statuses=[missing], name="a phone"))


def test_logits_that_differ_from_the_reference_are_found(bundle, exported, device):
    pixels, logits = decode_reference(exported.files[REFERENCE], "a test")
    replace_content(bundle, "reference", encode_reference(pixels, logits + 0.01 * np.abs(logits).max()))
    with pytest.raises(
        VerificationError, match=r"logits differ from the reference by .* above the tolerance"
    ):
        verify(bundle, device, measure=False)


def test_another_subnets_model_is_found(bundle, tiny, spec, device):
    other = export(tiny, Subnet.compound((2, 3, 4, 3, 3), 16), spec)
    replace_content(bundle, "model", other.model)
    with pytest.raises(VerificationError, match="logits differ from the reference"):
        verify(bundle, device, measure=False)


def test_logits_of_another_shape_are_found(bundle, exported, device):
    pixels, logits = decode_reference(exported.files[REFERENCE], "a test")
    replace_content(bundle, "reference", encode_reference(pixels, logits[:, :3]))
    with pytest.raises(VerificationError, match=r"gives \[4, 4\] numbers"):
        verify(bundle, device, measure=False)


def test_a_model_that_cannot_be_loaded_is_no_answer(bundle, device):
    replace_content(bundle, "model", b"no model")
    with pytest.raises(MeasurementError, match="onnxruntime could not load the model"):
        verify(bundle, device, measure=False)


def test_a_bundle_of_another_machine_is_verified_and_says_so(bundle, device):
    change_manifest(bundle, lambda d: d["device_spec"]["machine"].update(cpu_model="Another CPU"))
    report = verify(bundle, device, measure=False)
    assert report.elsewhere.startswith("made for onnxruntime ")
    here = read_machine().cpu_model
    assert report.elsewhere.endswith(
        f"on Another CPU; different here: machine's cpu_model: Another CPU, {here}"
    )


def test_the_settings_are_kept_and_the_machine_is_this_one(spec):
    machine = replace(spec.machine, cpu_model="Another CPU")
    made_for = replace(spec, machine=machine, runtime_version="0.1", spin=False, graph_level="basic")
    here = find_spec(DeviceRequest.of(made_for))
    assert here == replace(spec, spin=False, graph_level="basic")


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_any_number_of_images_runs_in_batches(tiny, spec, device, batch, rng):
    subnet = Subnet.compound((2,) * 5, 16)
    batched = replace(spec, batch=batch)
    images = rng.standard_normal((4, 3, 16, 16)).astype(np.float32)
    alone, together = (
        device.run_model(one.model_files, s, images)
        for s in (spec, batched)
        for one in [export(tiny, subnet, s)]
    )
    assert together.shape == (4, 4)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_difference_is_relative_to_the_largest_logit(exported, spec, device):
    pixels, logits = decode_reference(exported.files[REFERENCE], "a test")
    preprocess = exported.deployment.preprocess
    images = Preprocess(preprocess.mean, preprocess.std).normalise(pixels)
    given = device.run_model(exported.model_files, spec, images)
    found = check_numbers(exported.deployment, exported.model_files, (pixels, logits), spec, device)
    assert found == pytest.approx(np.abs(given - logits).max() / max(1, np.abs(logits).max()))


def test_a_summary_is_of_the_percentile_that_counts():
    measured = summarise(make_measured("a", 2.0), 99)
    assert measured.latency_ms == pytest.approx(2.0)
    assert set(measured.percentiles_ms) == {"50", "90", "95", "99"}
    assert (measured.sessions, measured.samples) == (5, 25)
    assert measured.low_ms <= measured.latency_ms <= measured.high_ms


def test_a_broken_budget_is_the_machines_where_the_reference_network_is_slower_too():
    then = summarise(make_measured("a", 2.0), 50)
    now = replace(then, latency_ms=2.6, high_ms=2.7, reference_ms=1.3 * then.reference_ms)
    text = explain_broken(2.5, now, then)
    assert "the latency is 2.6 ms (up to 2.7 ms) and the budget 2.5 ms" in text
    assert "takes 1.30 times as long as when the bundle was made: the machine is slower" in text


def test_a_broken_budget_is_the_models_where_the_reference_network_is_as_fast_as_then():
    then = summarise(make_measured("a", 2.0), 50)
    text = explain_broken(1.5, then, then)
    assert "takes 1.00 times as long as when the bundle was made: the machine is not slower" in text


def test_a_broken_budget_of_an_older_bundle_names_no_reason():
    then = replace(summarise(make_measured("a", 2.0), 50), reference_ms=None)
    assert explain_broken(1.5, then, then).endswith("the budget 1.5 ms; deploy again on this device")
    assert explain_broken(1.5, then, None, ["noisy"]).endswith("on this device (in doubt: noisy)")


def test_a_latency_just_above_its_budget_is_shown_with_enough_digits():
    measured = replace(summarise(make_measured("a", 2.0), 50), latency_ms=0.2296, high_ms=0.23004)
    assert "is 0.2296 ms (up to 0.23004 ms) and the budget 0.23 ms" in explain_broken(0.23, measured, None)


def test_a_summary_is_the_same_each_time():
    first, again = (summarise(make_measured("a", 2.0), 50) for _ in range(2))
    assert replace(first, when="") == replace(again, when="")


def test_measuring_finds_a_latency_with_an_interval(bundle, spec, device, monkeypatch):
    from profilers.measuring.plan import Plan

    plan = Plan(network_sessions=2, min_calls=3, min_ms=0.0, max_calls=3, reference_calls=3)
    monkeypatch.setattr(verify_module, "MEASURE_PLAN", plan)
    loaded, told = load_bundle(bundle), []
    measurement = measure_model(loaded.deployment, loaded.read_files(), spec, device, told.append).measurement
    assert measurement.item.label == "23432@16"
    assert measurement.latency_ms > 0
    assert told[-1].done == told[-1].total == 2
