"""The state of a runtime: whether it works, and with which devices and precisions."""

from __future__ import annotations

import json

import pytest

from latency_tables.errors import FormatError, InputError
from profilers.runtimes.availability import Availability
from profilers.runtimes.base import Runtime
from profilers.runtimes.registry import find_runtime, list_runtimes
from profilers.targets.runtime_status import RuntimeStatus, read_status, read_statuses

STATUS = RuntimeStatus("openvino", "2026.1", True, "", "", {"cpu": ("f32", "bf16"), "gpu": ("f16",)}, 8)


def test_every_runtime_has_a_state() -> None:
    assert [status.name for status in read_statuses()] == list(list_runtimes())


def test_a_runtime_that_works_has_its_own_devices_and_precisions() -> None:
    status, runtime = read_status("onnxruntime"), find_runtime("onnxruntime")
    assert (status.works, status.version) == (True, runtime.version())
    assert status.precisions == {device: runtime.precisions_on(device) for device in runtime.devices}


def test_a_runtime_that_does_not_work_says_why_and_how_to_fix_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime: Runtime = find_runtime("openvino")
    monkeypatch.setattr(
        runtime, "check_impl", lambda: Availability(False, "it is too old", "install a newer one")
    )
    status = read_status("openvino")
    assert (status.works, status.why, status.fix) == (False, "it is too old", "install a newer one")
    assert (status.version, status.devices) == ("", ())


def test_an_unknown_runtime_has_none() -> None:
    with pytest.raises(InputError, match="no runtime 'abacus'"):
        read_status("abacus")


def test_a_state_comes_back_from_json() -> None:
    assert RuntimeStatus.from_dict(json.loads(json.dumps(STATUS.to_dict()))) == STATUS


def test_a_state_without_a_field_is_refused_by_its_name() -> None:
    data = STATUS.to_dict()
    del data["works"]
    with pytest.raises(FormatError, match="works"):
        RuntimeStatus.from_dict(data)
