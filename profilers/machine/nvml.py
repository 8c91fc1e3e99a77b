"""The state of an NVIDIA GPU, read from its management library (NVML), which never changes the GPU here."""

from __future__ import annotations

import ctypes
import sys
from ctypes import byref, c_uint, c_ulonglong, c_void_p
from dataclasses import dataclass
from typing import Any

LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
SUCCESS = 0
CLOCK_SM = 1
VERSION_LENGTH = 80
"""NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE."""
SLOWED_BY = {
    0x4: "its power limit",
    0x8: "the hardware",
    0x20: "heat",
    0x40: "heat",
    0x80: "the power supply",
}
"""The bits of nvmlDeviceGetCurrentClocksThrottleReasons that mean a lower speed than was asked for. The other bits say
that the GPU is idle or that a user set its clocks."""
MAX_CLOCK_SHIFT = 0.02
"""The largest relative change of the clock during a session that leaves the latency without doubt."""


@dataclass(frozen=True)
class GpuState:
    """The state of a GPU at a moment.

    Attributes:
        sm_clock_mhz: The clock of its multiprocessors in MHz; ``None`` where it cannot be read.
        slowed_by: The reasons that slow it down; ``None`` where they cannot be read.
    """

    sm_clock_mhz: int | None
    slowed_by: tuple[str, ...] | None

    def list_doubts(self, before: GpuState) -> tuple[str, ...]:
        """The reasons to doubt a latency that was sampled between two states.

        Args:
            before: The state before sampling; this is the state after it.
        """
        found = []
        if slowed := sorted({*(before.slowed_by or ()), *(self.slowed_by or ())}):
            found.append(f"the GPU was slowed by {' and '.join(slowed)}")
        was, now = before.sm_clock_mhz, self.sm_clock_mhz
        if was and now and abs(now - was) > MAX_CLOCK_SHIFT * was:
            found.append(f"the GPU's clock went from {was} to {now} MHz")
        return tuple(found)


UNKNOWN = GpuState(None, None)


def read_driver_version(library: Any = None) -> str:
    """The version of the NVIDIA driver on this machine, as in ``570.124.06``; empty where it cannot be read.

    Args:
        library: An object with NVML's functions; NVML is loaded where it is left out.
    """
    try:
        library = library or ctypes.CDLL(LIBRARY)
    except OSError:
        return ""
    version = ctypes.create_string_buffer(VERSION_LENGTH)
    if library.nvmlInit_v2() != SUCCESS:
        return ""
    found = library.nvmlSystemGetDriverVersion(version, c_uint(VERSION_LENGTH))
    return version.value.decode(errors="replace") if found == SUCCESS else ""


class GpuWatch:
    """Reads the state of one GPU."""

    def __init__(self, library: Any, pci_bus_id: str) -> None:
        """Find the GPU.

        Args:
            library: An object with NVML's functions.
            pci_bus_id: The GPU's PCI address, as the driver tells it.
        """
        self._library = library
        self._device = c_void_p()
        self._works = (
            library.nvmlInit_v2() == SUCCESS
            and library.nvmlDeviceGetHandleByPciBusId_v2(pci_bus_id.encode(), byref(self._device)) == SUCCESS
        )

    def read(self) -> GpuState:
        """The GPU's state now."""
        if not self._works:
            return UNKNOWN
        clock, reasons = c_uint(), c_ulonglong()
        has_clock = self._library.nvmlDeviceGetClockInfo(self._device, c_uint(CLOCK_SM), byref(clock))
        has_reasons = self._library.nvmlDeviceGetCurrentClocksThrottleReasons(self._device, byref(reasons))
        slowed = {why for bit, why in SLOWED_BY.items() if reasons.value & bit}
        return GpuState(
            clock.value if has_clock == SUCCESS else None,
            tuple(sorted(slowed)) if has_reasons == SUCCESS else None,
        )


def watch_gpu(pci_bus_id: str) -> GpuWatch | None:
    """A reader of the state of a GPU, by its PCI address; ``None`` where there is no management library."""
    try:
        return GpuWatch(ctypes.CDLL(LIBRARY), pci_bus_id)
    except OSError:
        return None
