import subprocess
import sys

import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError
from profilers.runtimes.registry import find_runtime, find_spec, list_runtimes


def test_every_runtime_is_found_under_its_name() -> None:
    assert [find_runtime(name).name for name in list_runtimes()] == list(list_runtimes())


def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError,
        match="no runtime 'abacus'; there are onnxruntime, onnxruntime_mobile, openvino, tensorrt, tensorrt_rtx, fake",
    ):
        find_runtime("abacus")


def test_no_runtime_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from profilers.runtimes.registry import find_runtime; from profilers.measuring import runner; "
        "find_runtime('onnxruntime'); find_runtime('openvino'); "
        "sys.exit(bool({'onnxruntime', 'openvino'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_device_specs_own_settings_are_found_again() -> None:
    spec = find_spec(DeviceRequest("fake", batch=4))
    assert (spec.device, spec.precision, spec.batch) == ("cpu", "f32", 4)
    assert find_spec(DeviceRequest.of(spec)) == spec


def test_a_runtime_refuses_the_request_for_another() -> None:
    with pytest.raises(InputError, match="this is fake, and onnxruntime was asked for"):
        find_runtime("fake").spec(DeviceRequest("onnxruntime"))
