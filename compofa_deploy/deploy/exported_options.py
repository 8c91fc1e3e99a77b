"""What an evaluation of exported graphs is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from latency_tables.device import DeviceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedOptions:
    """The runtime that runs exported graphs, and the subnets that it runs.

    Attributes:
        device: The runtime, its device and its precision; its threads do not count.
        threads: The threads of the runtime; ``None`` for all cores.
        resolutions: The resolutions in pixels; empty for those of the architecture.
        fronts: Only subnets of the first so many fronts of float32 accuracy over multiply-accumulates are evaluated;
            ``None`` for all subnets.
        test_split: The split for reporting; empty for the first of test, val and validation that has labels.
        command: The command line that the accuracy table records.
    """

    device: DeviceRequest
    threads: int | None = None
    resolutions: tuple[int, ...] = ()
    fronts: int | None = None
    test_split: str = ""
    command: str = ""
