"""The devices that models run on, and the runtimes that work there."""

from __future__ import annotations

from compofa_deploy.tables.cache import Cache
from profilers.targets.device import Device
from profilers.targets.registry import open_device
from profilers.targets.runtime_status import RuntimeStatus

SIMULATED = "fake"


def open_local() -> Device:
    """Opens this machine as a device, with its journals in the user's cache."""
    return open_device("local", Cache.default().journals)


def list_runtimes() -> list[RuntimeStatus]:
    """Lists the runtimes, and whether they work here. The simulated one is left out: nothing deploys to it."""
    return [status for status in open_local().list_runtimes() if status.name != SIMULATED]
