"""ONNX Runtime's execution providers: the name of the device of each, and the options that set its precision.

ONNX Runtime gives the operators that a provider lacks to the CPU, without a word. Here a provider must run the whole
graph, or the CPU is part of the device's name, as in ``xnnpack+cpu``. Most networks have operators that XNNPACK, NNAPI
and Core ML lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from latency_tables.errors import MismatchError

CPU = "CPUExecutionProvider"
WITH_CPU = "+cpu"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: ONNX Runtime's name for it.
        precisions: For each precision, the default first, the options that make the provider compute in it.
        threads_option: The option that sets the provider's own threads; empty where it has none.
        shares: Whether it may be asked for together with the CPU.
    """

    name: str
    precisions: Mapping[str, Mapping[str, str]]
    threads_option: str = ""
    shares: bool = False

    def options(self, precision: str, threads: int) -> dict[str, str]:
        """The provider's options for a precision and a number of threads."""
        own = {self.threads_option: str(threads)} if self.threads_option else {}
        return {**self.precisions[precision], **own}


PROVIDERS = {
    "cpu": Provider(CPU, {"f32": NOTHING}),
    # By default it computes f32 in tf32 on GPUs from Ampere on.
    "cuda": Provider("CUDAExecutionProvider", {"f32": {"use_tf32": "0"}, "tf32": {"use_tf32": "1"}}),
    # Its older format, NeuralNetwork, leaves the precision to Core ML.
    "coreml": Provider(
        "CoreMLExecutionProvider",
        {"f32": {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL", "AllowLowPrecisionAccumulationOnGPU": "0"}},
        shares=True,
    ),
    "xnnpack": Provider("XnnpackExecutionProvider", {"f32": NOTHING}, "intra_op_num_threads", shares=True),
    # From Python it takes no flags, and without NNAPI_FLAG_USE_FP16 it computes in f32.
    "nnapi": Provider("NnapiExecutionProvider", {"f32": NOTHING}, shares=True),
    "qnn": Provider(
        "QNNExecutionProvider",
        {"f16": {"backend_type": "htp", "enable_htp_fp16_precision": "1"}},
        shares=True,
    ),
}  # fmt: skip
"""The providers by the first part of their devices' names."""


def find_provider(device: str) -> Provider:
    """The provider of a device, such as ``cpu``, ``cuda.nvidia-a10.sm86`` or ``xnnpack+cpu``."""
    return PROVIDERS[device.partition(WITH_CPU)[0].partition(".")[0]]


def name_devices(available: Iterable[str], list_gpus: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    """The devices of a build of ONNX Runtime, the CPU first.

    Args:
        available: ONNX Runtime's names of the providers in the build.
        list_gpus: It returns the names of CUDA's GPUs.
    """
    found = set(available)
    devices = []
    for word, provider in PROVIDERS.items():
        if provider.name not in found:
            continue
        devices += [f"{word}.{gpu}" for gpu in list_gpus()] if word == "cuda" else [word]
        devices += [word + WITH_CPU] if provider.shares else []
    return tuple(devices)


def check_used(session: Any, device: str) -> None:
    """Check that a session uses the provider of its device.

    Newer versions of ONNX Runtime tell which provider runs each node. Older ones refuse by themselves to give any to a
    CPU that is not part of the device.

    Args:
        session: ONNX Runtime's ``InferenceSession``.
        device: The device that was asked for.

    Raises:
        MismatchError: Another provider runs the model, or a part of it.
    """
    provider = find_provider(device)
    used = session.get_providers()
    if not used or used[0] != provider.name:
        raise MismatchError(
            f"onnxruntime was asked for {device} and uses {', '.join(used) or 'nothing'}; ask for cpu"
        )
    if provider.name == CPU or not hasattr(session, "get_provider_graph_assignment_info"):
        return
    counts: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    elsewhere = sum(count for name, count in counts.items() if name != provider.name)
    if counts and not counts.get(provider.name):
        raise MismatchError(f"{device} runs no part of the model: the CPU would run all of it; ask for cpu")
    if elsewhere and not device.endswith(WITH_CPU):
        fix = f"ask for {device}{WITH_CPU}" if provider.shares else "ask for cpu"
        raise MismatchError(f"{device} leaves {elsewhere} of the model's operators to the CPU; {fix}")
