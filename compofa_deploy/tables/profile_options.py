"""What profiling is asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.table import LatencyTable


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """The architecture and the device settings of a latency table.

    Attributes:
        architecture: The architecture's name; ``None`` for that of ``old``, or of the supernet that ships.
        device: The runtime, device, precision, threads and batch.
        resolutions: The resolutions in pixels; empty for those of the architecture, or of ``old``.
        quick: Whether to take fewer samples.
        old: A table that is brought up to date by a few networks, instead of a full measurement.
        networks: How many networks bring ``old`` up to date; ``None`` for the most that are allowed.
    """

    architecture: str | None = None
    device: DeviceRequest = field(default_factory=DeviceRequest)
    resolutions: tuple[int, ...] = ()
    quick: bool = False
    old: LatencyTable | None = None
    networks: int | None = None

    @property
    def mode(self) -> str:
        """The name of the measuring plan."""
        return "quick" if self.quick else "full"


def adopt_settings(request: DeviceRequest, given: Collection[str], old: DeviceSpec) -> DeviceRequest:
    """Fills a request with the settings of an older table.

    Another runtime has its own devices and precisions, so these are kept with the same runtime alone.

    Args:
        request: The request.
        given: The names of the settings that the user gave; they stay.
        old: The device spec of the older table. Settings that are unknown there stay.

    Returns:
        The request with the older settings in place of those that were not given.
    """
    same_runtime = "runtime" not in given or request.runtime == old.runtime
    adopted = ["threads", "batch"]
    if same_runtime:
        adopted += ["runtime", "device", "precision", "graph_level"]
    changes = {name: getattr(old, name) for name in adopted if name not in given and name not in old.unknown}
    return replace(request, **changes)
