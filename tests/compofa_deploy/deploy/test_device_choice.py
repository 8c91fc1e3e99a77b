"""Which device specs there are to choose from: what is here, but for what was not asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.deploy import device_choice as auto_module
from compofa_deploy.deploy.device_choice import AUTO, Asked, leave_unknown_out, list_specs, list_threads
from latency_tables.errors import InputError, RuntimeUnavailable
from profilers.machine.environment import read_machine
from profilers.runtimes.availability import Availability
from profilers.runtimes.registry import find_runtime
from tests.support.supernets import make_accuracies


class Absent:
    """A runtime that is not installed."""

    def check(self):
        return Availability(False, "it cannot be imported", "run: pip install it")


@pytest.fixture
def present(monkeypatch):
    """Let these runtimes alone be here."""

    def choose(*names):
        monkeypatch.setattr(
            auto_module, "find_runtime", lambda name: find_runtime(name) if name in names else Absent()
        )

    return choose


def settings(specs):
    return [(spec.runtime, spec.precision, spec.threads) for spec in specs]


def test_every_runtime_is_there_in_every_precision_and_number_of_threads(present):
    pytest.importorskip("openvino")
    present("onnxruntime", "openvino")
    specs, _ = list_specs(Asked())
    threads = list_threads(read_machine().usable_threads)
    precisions = find_runtime("openvino").precisions_on("cpu")
    assert settings(spec for spec in specs if spec.device == "cpu") == [
        *(("onnxruntime", "f32", n) for n in threads),
        *(("openvino", precision, n) for precision in precisions for n in threads),
    ]
    assert len({spec.id for spec in specs}) == len(specs)


def test_the_simulated_runtime_and_the_format_for_phones_are_used_by_name_alone(present):
    present("onnxruntime", "onnxruntime_mobile", "fake")
    specs, left_out = list_specs(Asked(threads=1))
    assert {spec.runtime for spec in specs} == {"onnxruntime"}
    assert not {left.what for left in left_out} & {"fake", "onnxruntime_mobile"}
    assert settings(list_specs(Asked("onnxruntime_mobile", threads=1))[0]) == [
        ("onnxruntime_mobile", "f32", 1)
    ]


def test_what_does_not_work_here_is_named_with_its_mend(present):
    present("onnxruntime")
    left = {left.what: left.why for left in list_specs(Asked())[1]}
    assert left["openvino"] == "it cannot be imported; run: pip install it"


def test_threads_that_are_named_are_kept(present):
    present("onnxruntime")
    specs, _ = list_specs(Asked(device="cpu", threads=1))
    assert settings(specs) == [("onnxruntime", "f32", 1)]


def test_a_precision_that_is_named_leaves_out_the_runtimes_that_lack_it(present):
    openvino = pytest.importorskip("openvino")
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bf16")
    present("onnxruntime", "openvino")
    specs, left_out = list_specs(Asked(precision="bf16", threads=1))
    assert {(spec.runtime, spec.precision) for spec in specs} == {("openvino", "bf16")}
    assert "has no precision 'bf16'" in {left.what: left.why for left in left_out}["onnxruntime"]


def test_what_nothing_here_has_is_bad_input(present):
    present("onnxruntime")
    with pytest.raises(InputError, match=r"no runtime here has what was asked for.*no precision 'int4'"):
        list_specs(Asked(precision="int4"))


def test_a_runtime_that_is_named_must_work():
    with pytest.raises(InputError, match="no runtime 'tensorflow'"):
        list_specs(Asked("tensorflow"))
    if not find_runtime("tensorrt").check().works:
        with pytest.raises(RuntimeUnavailable, match="tensorrt does not work here"):
            list_specs(Asked("tensorrt"))


def test_a_runtime_that_is_named_is_looked_at_in_all_its_precisions_or_threads():
    cores = read_machine().usable_threads
    assert settings(list_specs(Asked("onnxruntime", precision=""))[0]) == [
        ("onnxruntime", "f32", n) for n in list_threads(cores)
    ]
    assert settings(list_specs(Asked("onnxruntime", precision=AUTO, threads=1))[0]) == [
        ("onnxruntime", "f32", 1)
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
