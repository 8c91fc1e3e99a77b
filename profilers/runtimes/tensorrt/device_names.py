"""Names of the GPUs that an engine fits, as a device spec has them.

``sm86`` is any GPU of compute capability 8.6, ``sm80+`` is any GPU from 8.0 on, and a name such as ``nvidia-a10.sm86``
is that GPU alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.machine import Machine
from profilers.machine.cuda import Gpu
from profilers.runtimes.tensorrt.build import AMPERE_PLUS, EXACT, SAME_CAPABILITY, BuildOptions

ANYWHERE = Machine("any machine", "any", (), 1, None, "any")
"""The machine of an engine that is built for a GPU that need not be here."""
AMPERE = "sm80+"
CAPABILITY_NAME = re.compile(r"sm(\d+)(\d)(\+?)")


def parse_capability(text: str) -> tuple[int, int]:
    """The major and minor number of a compute capability.

    Raises:
        InputError: The text is no compute capability.

    >>> parse_capability("8.6")
    (8, 6)
    """
    match = re.fullmatch(r"(\d+)\.(\d)", text)
    if match is None:
        raise InputError(f"{text!r} is no compute capability; write it as in 8.6")
    return int(match[1]), int(match[2])


def name_capability(capability: tuple[int, int]) -> str:
    """The device name of any GPU of a compute capability.

    >>> name_capability((12, 0))
    'sm120'
    """
    return f"sm{capability[0]}{capability[1]}"


def name_gpus(gpus: Sequence[Gpu]) -> dict[str, Gpu]:
    """The GPUs by their device names, in their order.

    >>> list(name_gpus([Gpu(i, "NVIDIA A10", (8, 6), "") for i in range(2)]))
    ['nvidia-a10.sm86', 'nvidia-a10.sm86.1']
    """
    named: dict[str, Gpu] = {}
    for gpu in gpus:
        model = re.sub(r"[^a-z0-9]+", "-", gpu.model.lower()).strip("-")
        name = f"{model}.{name_capability(gpu.capability)}"
        same = sum(other == name or other.startswith(f"{name}.") for other in named)
        named[f"{name}.{same}" if same else name] = gpu
    return named


def fits(device: str, name: str, gpu: Gpu) -> bool:
    """Whether an engine that was built for a device runs on a GPU.

    Args:
        device: The device of the engine's device spec.
        name: The GPU's device name.
        gpu: The GPU.
    """
    match = CAPABILITY_NAME.fullmatch(device)
    if match is None:
        return device == name
    wanted = int(match[1]), int(match[2])
    return gpu.capability >= wanted if match[3] else gpu.capability == wanted


def options_of(spec: DeviceSpec, builds_ahead: bool) -> BuildOptions:
    """The options that build an engine for a device spec.

    Args:
        spec: The device spec of the engine.
        builds_ahead: Whether the flavour builds for GPUs that are not here.
    """
    match = CAPABILITY_NAME.fullmatch(spec.device)
    capability = f"{match[1]}.{match[2]}" if match and builds_ahead else ""
    hardware = EXACT
    if match and not builds_ahead:
        hardware = AMPERE_PLUS if match[3] else SAME_CAPABILITY
    return BuildOptions(spec.precision, spec.batch, capability, hardware, spec.runtime_version.endswith("+"))


def check_version(spec: DeviceSpec, installed: str) -> str:
    """The reason why an installed version cannot load an engine; empty where it can.

    A version that ends in ``+`` stands for itself and later versions of the same major number, as for an engine
    that was built version-compatible.

    Args:
        spec: The engine's device spec.
        installed: The installed version.
    """
    made = spec.runtime_version
    if made == installed:
        return ""
    if made.endswith("+"):
        was, now = (_parse_version(version) for version in (made[:-1], installed))
        if now[:1] == was[:1] and now >= was:
            return ""
    return f"the engine is of {spec.runtime} {made}, and here is {installed}"


def _parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
