"""Providers that no build here has, by a module that stands in for ONNX Runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import InputError, MeasurementError, MismatchError
from profilers.runtimes.onnxruntime import runtime as onnx_runtime
from profilers.runtimes.onnxruntime.providers import CPU, PROVIDERS, find_provider, name_devices
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime
from tests.profilers.runtimes.contract import WIDE_MACHINE

CUDA, XNNPACK = PROVIDERS["cuda"].name, PROVIDERS["xnnpack"].name
GPUS = ["nvidia-a10.sm86", "nvidia-a10.sm86.1"]
OPERATORS = 5


class StandIn:
    """As much of the ``onnxruntime`` module as opening a model takes. ``takes`` is how many of a model's operators each
    provider can run; the CPU runs the rest, unless that is forbidden."""

    __version__ = "1.24.0"

    def __init__(self, takes: dict[str, int], says_nodes: bool = True, broken: str = "") -> None:
        self.takes, self.says_nodes, self.broken = takes, says_nodes, broken
        self.asked: dict[str, dict[str, str]] = {}
        self.entries: dict[str, str] = {}
        self.memory: list[tuple[str, int]] = []
        self.GraphOptimizationLevel = SimpleNamespace(ORT_ENABLE_ALL=99)
        self.ExecutionMode = SimpleNamespace(ORT_SEQUENTIAL=0)
        self.OrtValue = SimpleNamespace(ortvalue_from_numpy=self._keep)

    def _keep(self, array: np.ndarray, device: str, number: int) -> np.ndarray:
        self.memory.append((device, number))
        return array

    def get_available_providers(self) -> list[str]:
        return [*self.takes, CPU]

    def SessionOptions(self) -> Any:  # noqa: N802
        return SimpleNamespace(add_session_config_entry=self.entries.__setitem__)

    def InferenceSession(  # noqa: N802
        self, model: bytes, options: Any, providers: list[Any], enable_fallback: int
    ) -> Any:
        self.options, self.enable_fallback = options, enable_fallback
        self.asked = dict(
            provider if isinstance(provider, tuple) else (provider, {}) for provider in providers
        )
        first = next(iter(self.asked))
        taken = OPERATORS if first == CPU else self.takes[first]
        if taken < OPERATORS and self.entries.get("session.disable_cpu_ep_fallback") == "1":
            raise RuntimeError("This session contains graph nodes that are assigned to the default CPU EP")
        used = [CPU] if self.broken == first else [*dict.fromkeys([*self.asked, CPU])]
        nodes = {first: taken, CPU: OPERATORS - taken}
        parts = [SimpleNamespace(ep_name=n, get_nodes=lambda c=c: [None] * c) for n, c in nodes.items() if c]
        port = SimpleNamespace(name="image", shape=[1, 3, 8, 8], type="tensor(float)")
        binding = SimpleNamespace(
            bind_ortvalue_input=lambda name, value: None, bind_ortvalue_output=lambda name, value: None
        )
        session = SimpleNamespace(
            get_providers=lambda: used, get_inputs=lambda: [port], get_outputs=lambda: [port],
            run=lambda names, feeds: [feeds["image"]], io_binding=lambda: binding,
            run_with_iobinding=lambda bound: None,
        )  # fmt: skip
        if self.says_nodes:
            session.get_provider_graph_assignment_info = lambda: parts
        return session


Use = Callable[..., tuple[StandIn, OnnxRuntime]]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    def put(**settings: Any) -> tuple[StandIn, OnnxRuntime]:
        module = StandIn(**settings)
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        monkeypatch.setattr(onnx_runtime, "_list_gpus", lambda: GPUS)
        return module, OnnxRuntime()

    return put


def test_devices_are_those_of_the_providers_that_a_build_has() -> None:
    everything = [provider.name for provider in PROVIDERS.values()]
    assert name_devices([CPU, "AzureExecutionProvider"], lambda: GPUS) == ("cpu",)
    assert name_devices(reversed(everything), lambda: GPUS) == (
        "cpu", "cuda.nvidia-a10.sm86", "cuda.nvidia-a10.sm86.1", "coreml", "coreml+cpu", "xnnpack", "xnnpack+cpu",
        "nnapi", "nnapi+cpu", "qnn", "qnn+cpu",
    )  # fmt: skip
    assert name_devices([CPU, CUDA], list) == ("cpu",)


@pytest.mark.parametrize(
    ("device", "precision", "threads", "options"),
    [
        ("cpu", "f32", 2, {}),
        ("cuda.nvidia-a10.sm86", "f32", 1, {"use_tf32": "0"}),
        ("cuda.nvidia-a10.sm86", "tf32", 1, {"use_tf32": "1"}),
        ("xnnpack", "f32", 2, {"intra_op_num_threads": "2"}),
        ("xnnpack+cpu", "f32", 1, {"intra_op_num_threads": "1"}),
        ("nnapi+cpu", "f32", 1, {}),
        ("coreml", "f32", 1, {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL",
                              "AllowLowPrecisionAccumulationOnGPU": "0"}),
        ("qnn", "f16", 1, {"backend_type": "htp", "enable_htp_fp16_precision": "1"}),
    ],
)  # fmt: skip
def test_every_provider_is_told_its_precision(
    device: str, precision: str, threads: int, options: dict[str, str]
) -> None:
    assert find_provider(device).options(precision, threads) == options


def test_a_gpu_is_asked_for_by_its_place_and_named_by_what_it_is(use: Use) -> None:
    module, runtime = use(takes={CUDA: OPERATORS})
    assert runtime.spec(DeviceRequest(runtime.name, device="cuda")).device == "cuda.nvidia-a10.sm86"
    spec = runtime.spec(DeviceRequest(runtime.name, device="cuda:1", precision="tf32"))
    assert (spec.device, spec.precision) == ("cuda.nvidia-a10.sm86.1", "tf32")
    with runtime.open(b"", spec) as session:
        session.bind({"image": np.zeros((1, 3, 8, 8), np.float32)})
        session.call()
    assert module.asked == {CUDA: {"use_tf32": "1", "device_id": "1"}}
    assert set(module.memory) == {("cuda", 1)}
    assert module.enable_fallback == 0
    with pytest.raises(InputError, match=r"no device 'cuda:2' here; it has cpu, cuda\.nvidia-a10\.sm86"):
        runtime.spec(DeviceRequest(runtime.name, device="cuda:2"))


def test_a_provider_with_threads_of_its_own_leaves_none_to_onnxruntime(use: Use) -> None:
    module, runtime = use(takes={XNNPACK: OPERATORS})
    runtime.open(
        b"", runtime.spec(DeviceRequest(runtime.name, device="xnnpack", threads=4), machine=WIDE_MACHINE)
    ).close()
    assert module.asked == {XNNPACK: {"intra_op_num_threads": "4"}}
    assert module.options.intra_op_num_threads == 1
    assert module.entries["session.intra_op.allow_spinning"] == "0"
    runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, threads=4), machine=WIDE_MACHINE)).close()
    assert module.options.intra_op_num_threads == 4
    assert module.entries["session.intra_op.allow_spinning"] == "1"


def test_the_cpu_takes_no_part_unless_the_device_says_so(use: Use) -> None:
    module, runtime = use(takes={XNNPACK: 3})
    with pytest.raises(MeasurementError, match="nodes that are assigned to the default CPU EP"):
        runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="xnnpack")))
    runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="xnnpack+cpu"))).close()
    assert list(module.asked) == [XNNPACK, CPU]


def test_a_version_that_forbids_nothing_is_found_out_by_what_its_nodes_are_on(use: Use) -> None:
    module, runtime = use(takes={XNNPACK: 3, CUDA: 4})
    module.entries = type("Deaf", (dict,), {"__setitem__": lambda *_: None})()
    with pytest.raises(
        MismatchError, match=r"xnnpack leaves 2 of the model's operators .* ask for xnnpack\+cpu"
    ):
        runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="xnnpack")))
    with pytest.raises(MismatchError, match=r"leaves 1 of the model's operators to the CPU; ask for cpu$"):
        runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="cuda")))


def test_a_provider_that_runs_nothing_at_all_is_refused_even_with_the_cpu(use: Use) -> None:
    _, runtime = use(takes={XNNPACK: 0})
    with pytest.raises(MismatchError, match=r"xnnpack\+cpu runs no part of the model: .*; ask for cpu"):
        runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="xnnpack+cpu")))


@pytest.mark.parametrize("says_nodes", [True, False])
def test_a_provider_that_could_not_be_loaded_is_refused(use: Use, says_nodes: bool) -> None:
    _, runtime = use(takes={CUDA: OPERATORS}, broken=CUDA, says_nodes=says_nodes)
    with pytest.raises(
        MismatchError, match=r"asked for cuda\.\S+ and uses CPUExecutionProvider; ask for cpu"
    ):
        runtime.open(b"", runtime.spec(DeviceRequest(runtime.name, device="cuda")))


def test_a_precision_that_a_provider_has_not_is_refused(use: Use) -> None:
    _, runtime = use(takes={CUDA: OPERATORS, XNNPACK: OPERATORS})
    with pytest.raises(InputError, match="no precision 'tf32' here; it has f32"):
        runtime.spec(DeviceRequest(runtime.name, device="xnnpack", precision="tf32"))


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    from profilers.machine import cuda

    def fail() -> None:
        raise OSError("no libcuda")

    monkeypatch.setattr(cuda, "load_driver", fail)
    assert onnx_runtime._list_gpus() == []
