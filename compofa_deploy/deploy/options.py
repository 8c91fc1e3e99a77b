"""What a deployment is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.search.limits import Limits


@dataclass(frozen=True, kw_only=True)
class DeployOptions(Limits):
    """The budget, the limits, and the device specs to choose among.

    Attributes:
        latency_ms: The budget in ms, which the upper end of the measured interval keeps.
        percentile: The percentile of the latency: 50, 90, 95 or 99.
        runtime: The runtime, or ``auto`` for all that work here.
        device: The runtime's device; empty for its first, or for all with ``runtime="auto"``.
        precision: The precision, or ``auto`` for all; empty for the runtime's first, or for all with
            ``runtime="auto"``.
        threads: The threads that work on one operator, or 0 for every number that makes sense; ``None`` for 1, or for
            every number with ``runtime="auto"``.
        batch: The images in one call.
        target_platform: The instruction set of ``onnxruntime_mobile``; empty for its default.
        data: A folder of images to measure the accuracy of a lower precision on, where no table says it.
        mode: ``quick`` or ``full``: how thoroughly to profile where no table fits.
        accept_doubtful: Whether a kept table that was measured on a disturbed machine may be used.
        command: The command line that the bundle records.
    """

    latency_ms: float
    percentile: int = 50
    runtime: str = "onnxruntime"
    device: str = ""
    precision: str = ""
    threads: int | None = None
    batch: int = 1
    target_platform: str = ""
    data: Path | None = None
    mode: str = "quick"
    accept_doubtful: bool = False
    command: str = ""
