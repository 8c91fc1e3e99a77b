"""The runtimes that work on this machine."""

from __future__ import annotations

from profilers.targets.runtime_status import RuntimeStatus, read_statuses

SIMULATED = "fake"


def list_runtimes() -> list[RuntimeStatus]:
    """Lists the runtimes, and whether they work here. The simulated one is left out: nothing deploys to it."""
    return [status for status in read_statuses() if status.name != SIMULATED]
