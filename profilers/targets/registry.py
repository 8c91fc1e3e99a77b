"""From the name of a target to the device behind it: one file for each kind of target, one line here."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from latency_tables.errors import InputError
from profilers.targets.device import Device

Opener = Callable[[str, Path, str], Device]
"""Opens a target by its name, given the folder of journals on this machine and the interpreter on the target."""


def _open_local(target: str, journals: Path, python: str) -> Device:
    from profilers.targets.local import LocalDevice

    return LocalDevice(journals)


def _open_ssh(target: str, journals: Path, python: str) -> Device:
    from profilers.targets.ssh import Target
    from profilers.targets.ssh_device import SshDevice

    return SshDevice(Target.parse(target), python)


TARGETS: dict[str, Opener] = {"local": _open_local, "ssh": _open_ssh}
"""The openers by the part of a target's name before ``://``."""


def open_device(target: str, journals: Path, python: str = "python3") -> Device:
    """Open a target.

    Args:
        target: ``local`` for this machine, or ``ssh://user@host[:port]``.
        journals: The folder of the journals of runs on this machine.
        python: The interpreter on a target that is reached over ssh.

    Returns:
        The device, to be closed.

    Raises:
        InputError: The target is of no known kind.
    """
    kind = target.partition("://")[0]
    if kind not in TARGETS or (kind == "local") != (target == "local"):
        raise InputError(f"{target!r} is no target; write local, or ssh://user@host[:port]")
    return TARGETS[kind](target, journals, python)
