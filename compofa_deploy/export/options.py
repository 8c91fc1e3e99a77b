"""What an export is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from latency_tables.device import DeviceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """The GPUs that a TensorRT engine runs on.

    Attributes:
        compute_capability: The compute capability to build for, as in ``8.6``; empty for the GPU that is here.
        hardware: ``exact`` for this model of GPU, ``same`` for its compute capability, ``ampere+`` for all from Ampere.
        version_compatible: Whether later minor versions of TensorRT run the engine as well.
    """

    compute_capability: str = ""
    hardware: str = "exact"
    version_compatible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """The device settings that a bundle is exported for.

    Attributes:
        device: The runtime, device, precision, threads and batch.
        engine: The GPUs that a TensorRT engine runs on.
        command: The command line that the bundle records.
    """

    device: DeviceRequest = field(default_factory=DeviceRequest)
    engine: EngineOptions = field(default_factory=EngineOptions)
    command: str = ""
