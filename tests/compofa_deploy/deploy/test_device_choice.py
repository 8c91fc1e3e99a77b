"""Which device specs there are to choose from: what is here, but for what was not asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.deploy.device_choice import (
    AUTO,
    DeviceChoice,
    leave_unknown_out,
    list_specs,
    list_threads,
)
from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError, RuntimeUnavailable
from profilers.runtimes.registry import list_runtimes
from profilers.targets.runtime_status import RuntimeStatus
from profilers.targets.simulated import SimulatedDevice
from tests.support.supernets import make_accuracies

ABSENT = ("it cannot be imported", "run: pip install it")
THREADS = 16


def claim(name: str, **precisions: tuple[str, ...]) -> RuntimeStatus:
    """A runtime that works, by the precisions of its devices; without any, one that is not installed."""
    if not precisions:
        return RuntimeStatus(name, "", False, *ABSENT, {}, THREADS)
    return RuntimeStatus(name, "1.0", True, "", "", precisions, THREADS)


ONNXRUNTIME = claim("onnxruntime", cpu=("f32",))
OPENVINO = claim("openvino", cpu=("f32", "bf16"), gpu=("f16",))


def make_device(*statuses: RuntimeStatus) -> SimulatedDevice:
    """A device of 16 cores with these runtimes; those that there are otherwise are not installed on it."""
    absent = [claim(name) for name in list_runtimes() if name not in {status.name for status in statuses}]
    device = SimulatedDevice(statuses=[*statuses, *absent])
    device.machine = replace(device.machine, cores=THREADS, cpu_quota=None)
    return device


def settings(specs):
    return [(spec.runtime, spec.precision, spec.threads) for spec in specs]


def test_every_runtime_is_there_on_every_device_in_every_precision_and_number_of_threads():
    specs, _ = list_specs(DeviceChoice(), make_device(ONNXRUNTIME, OPENVINO))
    assert settings(specs) == [
        *(("onnxruntime", "f32", n) for n in (1, 4, 16)),
        *(("openvino", precision, n) for precision in ("f32", "bf16") for n in (1, 4, 16)),
        ("openvino", "f16", 1),
    ]
    assert len({spec.id for spec in specs}) == len(specs)


def test_the_simulated_runtime_and_the_format_for_phones_are_used_by_name_alone():
    device = make_device(
        *(claim(name, cpu=("f32",)) for name in ("onnxruntime", "onnxruntime_mobile", "fake"))
    )
    specs, skipped = list_specs(DeviceChoice(threads=1), device)
    assert {spec.runtime for spec in specs} == {"onnxruntime"}
    assert not {left.what for left in skipped} & {"fake", "onnxruntime_mobile"}
    named, _ = list_specs(DeviceChoice("onnxruntime_mobile", threads=1), device)
    assert settings(named) == [("onnxruntime_mobile", "f32", 1)]


def test_a_runtime_that_does_not_work_is_named_with_its_fix():
    left = {left.what: left.why for left in list_specs(DeviceChoice(), make_device(ONNXRUNTIME))[1]}
    assert left["openvino"] == "it cannot be imported; run: pip install it"


def test_threads_that_are_named_are_kept():
    specs, _ = list_specs(DeviceChoice(device="cpu", threads=1), make_device(ONNXRUNTIME))
    assert settings(specs) == [("onnxruntime", "f32", 1)]


def test_a_precision_that_is_named_skips_the_runtimes_that_lack_it():
    openvino = claim("openvino", cpu=("f32", "bf16"))
    specs, skipped = list_specs(DeviceChoice(precision="bf16", threads=1), make_device(ONNXRUNTIME, openvino))
    assert {(spec.runtime, spec.precision) for spec in specs} == {("openvino", "bf16")}
    assert "has no precision 'bf16'" in {left.what: left.why for left in skipped}["onnxruntime"]


def test_a_precision_without_a_tolerance_is_not_chosen():
    specs, _ = list_specs(DeviceChoice(threads=1), make_device(claim("openvino", cpu=("f32", "int4"))))
    assert settings(specs) == [("openvino", "f32", 1)]


def test_what_no_runtime_has_is_bad_input():
    with pytest.raises(InputError, match=r"no runtime here has what was asked for.*no precision 'int4'"):
        list_specs(DeviceChoice(precision="int4"), make_device(ONNXRUNTIME))


def test_a_runtime_that_is_named_must_work():
    device = make_device(ONNXRUNTIME)
    with pytest.raises(InputError, match="no runtime 'tensorflow'"):
        list_specs(DeviceChoice("tensorflow"), device)
    with pytest.raises(RuntimeUnavailable, match="tensorrt does not work here: it cannot be imported"):
        list_specs(DeviceChoice("tensorrt"), device)


def test_a_runtime_that_is_named_is_taken_in_all_its_precisions_or_threads():
    device = make_device(OPENVINO)
    assert settings(list_specs(DeviceChoice("openvino", precision=""), device)[0]) == [
        ("openvino", "f32", n) for n in (1, 4, 16)
    ]
    assert settings(list_specs(DeviceChoice("openvino", precision=AUTO, threads=1), device)[0]) == [
        ("openvino", precision, 1) for precision in ("f32", "bf16")
    ]


def test_on_this_machine_it_finds_what_there_is(device):
    specs, _ = list_specs(DeviceChoice(device="cpu"), device)
    assert [spec for spec in specs if spec.runtime == "onnxruntime"] == [
        device.find_spec(DeviceRequest(threads=n)) for n in list_threads(device.read_machine().usable_threads)
    ]


def test_precisions_of_unknown_accuracy_are_left_out_with_the_command_that_would_measure_them(tiny, spec):
    f32 = make_accuracies(tiny)
    known = replace(f32, precision="bf16", runtime="openvino")
    specs = [spec, *(replace(spec, runtime="openvino", precision=p) for p in ("f32", "bf16", "f16"))]
    kept, left_out = leave_unknown_out(specs, AccuraciesByPrecision(f32, (known,)))
    assert kept == specs[:3]
    assert [left.what for left in left_out] == ["openvino f16"]
    assert "compofa evaluate --runtime openvino --precision f16" in left_out[0].why
    with pytest.raises(InputError, match="openvino f16: nobody has measured"):
        leave_unknown_out(specs[3:], AccuraciesByPrecision(f32))
