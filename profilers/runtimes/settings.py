"""Checks of a device spec's settings against the settings that a runtime has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_tables.errors import InputError

if TYPE_CHECKING:
    from latency_tables.device import DeviceSpec


def check_known(runtime: str, setting: str, value: str, known: Sequence[str]) -> None:
    """Check that a runtime has a value of a setting.

    Args:
        runtime: The runtime's name.
        setting: The setting's name in words, as in ``precision``.
        value: The value that is asked for.
        known: The values that the runtime has on this machine.

    Raises:
        InputError: It does not have the value; the message lists the values that it has.
    """
    if value not in known:
        raise InputError(f"{runtime} has no {setting} {value!r} here; it has {', '.join(known)}")


def check_threads(runtime: str, spec: DeviceSpec, spins: Sequence[bool]) -> None:
    """Check a device spec's batch, its threads and how they wait.

    Args:
        runtime: The runtime's name.
        spec: The device spec.
        spins: The values of ``spin`` that the runtime can be set to.

    Raises:
        InputError: A number is below 1, the machine does not have so many cores, or ``spin`` cannot be set so.
    """
    if spec.spin not in spins:
        raise InputError(f"{runtime} cannot set whether its threads spin; ask for spin={spins[0]}")
    if spec.batch < 1 or spec.threads < 1:
        raise InputError(f"threads and batch are at least 1; got {spec.threads} and {spec.batch}")
    if spec.threads > spec.machine.usable_threads:
        raise InputError(
            f"{spec.threads} threads were asked for, and this process may use {spec.machine.usable_threads}; "
            "ask for fewer, or give it more cores"
        )
