"""From the name of a target to the device behind it: one file for each kind of target, one line here."""

from __future__ import annotations

from pathlib import Path

from latency_tables.errors import InputError
from profilers.targets.device import Device

LOCAL = "local"
SSH = "ssh://"


def open_device(target: str, journals: Path, python: str = "python3") -> Device:
    """Reach a target.

    Args:
        target: ``local`` for this machine, or ``ssh://user@host[:port]``.
        journals: The folder of the journals of runs on this machine.
        python: The interpreter on a target that is reached over ssh.

    Returns:
        The device, to be closed.

    Raises:
        InputError: The target is of no known kind.
    """
    if target == LOCAL:
        from profilers.targets.local import LocalDevice

        return LocalDevice(journals)
    raise InputError(f"{target!r} is no target; write {LOCAL}, or {SSH}user@host[:port]")
