"""The state of a runtime on a device: whether it works there, and with which devices and precisions."""

from __future__ import annotations

from dataclasses import dataclass, field

from latency_tables.errors import CompofaError
from latency_tables.field_rule import rule
from latency_tables.record import Record
from profilers.machine.environment import read_machine
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.registry import list_runtimes as list_names


@dataclass(frozen=True)
class RuntimeStatus(Record):
    """What one runtime can do on a device.

    Attributes:
        name: The runtime.
        version: Its version; empty where it does not work.
        works: Whether it works on the device.
        why: Why it does not work; empty where it does.
        fix: How to make it work; empty where it does.
        precisions: The precisions of each device of the runtime; the runtime's defaults come first in both.
        max_threads: The largest number of threads that a device spec may ask for.
    """

    name: str
    version: str
    works: bool
    why: str
    fix: str
    precisions: dict[str, tuple[str, ...]]
    max_threads: int = field(metadata=rule(minimum=1))

    @property
    def devices(self) -> tuple[str, ...]:
        """The runtime's devices, the default first."""
        return tuple(self.precisions)


def read_status(name: str) -> RuntimeStatus:
    """The state of a runtime on this machine; :class:`InputError` where there is no runtime of that name."""
    runtime, threads = find_runtime(name), read_machine().usable_threads
    state = runtime.check()
    if not state.works:
        return RuntimeStatus(name, "", False, state.why, state.fix, {}, threads)
    try:
        precisions = {device: runtime.precisions_on(device) for device in runtime.devices}
        return RuntimeStatus(name, runtime.version(), True, "", "", precisions, threads)
    except CompofaError as error:
        return RuntimeStatus(name, "", False, str(error), f"install {name} anew", {}, threads)


def read_statuses() -> tuple[RuntimeStatus, ...]:
    """The states of all runtimes on this machine."""
    return tuple(map(read_status, list_names()))
