"""ONNX Runtime's execution providers: by what name a device is asked for, and how each is told its precision.

A provider that cannot run a part of a graph hands it to the CPU without a word. Here it must run all of it, or the CPU
is part of the device's name, as in ``xnnpack+cpu``: most networks have operators that XNNPACK, NNAPI and Core ML lack.
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
    """A provider by ONNX Runtime's name for it. ``precisions`` has the options that make it compute in each, the first
    of them the default; ``threads_option`` is that for its threads, where it has its own."""

    name: str
    precisions: Mapping[str, Mapping[str, str]]
    threads_option: str = ""
    shares: bool = False
    """Whether it may be asked for together with the CPU."""

    def options(self, precision: str, threads: int) -> dict[str, str]:
        """The provider's options."""
        own = {self.threads_option: str(threads)} if self.threads_option else {}
        return {**self.precisions[precision], **own}


PROVIDERS = {
    "cpu": Provider(CPU, {"f32": NOTHING}),
    # Left to itself it computes f32 in tf32, on GPUs from Ampere on.
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
"""By the name that a device begins with."""


def find_provider(device: str) -> Provider:
    """The provider of a device's name, as in ``cpu``, ``cuda.nvidia-a10.sm86`` or ``xnnpack+cpu``."""
    return PROVIDERS[device.partition(WITH_CPU)[0].partition(".")[0]]


def name_devices(available: Iterable[str], list_gpus: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    """The devices of the providers that a build has, the CPU first. ``list_gpus`` gives the names of CUDA's."""
    found = set(available)
    devices = []
    for word, provider in PROVIDERS.items():
        if provider.name not in found:
            continue
        devices += [f"{word}.{gpu}" for gpu in list_gpus()] if word == "cuda" else [word]
        devices += [word + WITH_CPU] if provider.shares else []
    return tuple(devices)


def check_used(session: Any, device: str) -> None:
    """:class:`MismatchError` where a session does not use the provider that a device's name asks for.

    Newer versions of ONNX Runtime say which nodes each provider took; older ones refuse by themselves to hand any to a
    CPU that is not part of the device.
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
