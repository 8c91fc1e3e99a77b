from __future__ import annotations

import pytest

from profilers.runtimes.fake import FakeRuntime
from profilers.runtimes.registry import find_runtime


def test_precisions_are_those_of_each_device(compofa, monkeypatch: pytest.MonkeyPatch) -> None:
    by_device = {"cpu": ("f32", "bf16"), "npu": ("f16",)}
    monkeypatch.setattr(FakeRuntime, "devices", tuple(by_device))
    monkeypatch.setattr(FakeRuntime, "precisions_on", lambda self, device: by_device[device])
    monkeypatch.setattr("profilers.targets.runtime_status.find_runtime", lambda name: FakeRuntime())
    found = {each["runtime"]: each for each in compofa("devices", "--json").json["runtimes"]}
    assert found["onnxruntime"]["precisions"] == {"cpu": ["f32", "bf16"], "npu": ["f16"]}
    assert "cpu: f32 bf16; npu: f16" in " ".join(compofa("devices").out.split())


def test_openvino_is_listed_with_all_that_this_cpu_computes_in(compofa) -> None:
    runtime = find_runtime("openvino")
    if not runtime.check().works:
        pytest.skip("openvino is not installed")
    found = {each["runtime"]: each for each in compofa("devices", "--json").json["runtimes"]}
    assert found["openvino"]["precisions"]["cpu"] == list(runtime.precisions_on("cpu"))


def test_the_simulated_runtime_is_not_listed_since_nothing_deploys_to_it(compofa) -> None:
    assert "fake" not in [each["runtime"] for each in compofa("devices", "--json").json["runtimes"]]
