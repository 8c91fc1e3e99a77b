"""Device specs: the settings and the machine that a latency depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from latency_tables.errors import MismatchError
from latency_tables.field_rule import rule
from latency_tables.machine import Machine, hash_json
from latency_tables.record import Record

SETTINGS = ("runtime", "runtime_version", "device", "precision", "threads", "batch")
"""The fields that a description names."""


@dataclass(frozen=True)
class DeviceRequest(Record):
    """The settings that are asked of a device. An empty text asks for the runtime's default.

    Attributes:
        runtime: The name of the runtime.
        device: The runtime's device, as in ``cpu``.
        precision: The precision that the runtime computes in.
        threads: The threads that work on one operator.
        batch: Images at once.
        spin: Whether the threads wait for work busily.
        graph_level: How far the runtime may rewrite the graph.
    """

    runtime: str = "onnxruntime"
    device: str = ""
    precision: str = ""
    threads: int = 1
    batch: int = 1
    spin: bool = True
    graph_level: str = ""

    @classmethod
    def of(cls, spec: DeviceSpec) -> DeviceRequest:
        """The request for a device spec's own settings."""
        return cls(**{entry.name: getattr(spec, entry.name) for entry in fields(cls)})


@dataclass(frozen=True)
class DeviceSpec(Record):
    """The settings of a runtime on a machine.

    Attributes:
        runtime: The name of the runtime.
        runtime_version: The version of the runtime.
        device: The runtime's device, as in ``cpu``.
        precision: The precision that the runtime computes in.
        threads: The threads that work on one operator.
        batch: Images at once.
        spin: Whether the threads wait for work busily.
        graph_level: How far the runtime may rewrite the graph.
        machine: The machine.
        unknown: The fields that an imported table does not state, which hold some value of their type.
        driver: The driver's version, for a device that is not the machine's CPU; empty where it is not known.
    """

    runtime: str
    runtime_version: str
    device: str
    precision: str
    threads: int = field(metadata=rule(minimum=1))
    batch: int = field(metadata=rule(minimum=1))
    spin: bool
    graph_level: str
    machine: Machine
    unknown: tuple[str, ...] = field(default=(), metadata=rule(omit=True))
    driver: str = field(default="", metadata=rule(omit=True))

    @property
    def id(self) -> str:
        """A hash of 12 hexadecimal digits, equal for equal device specs."""
        return hash_json(self.to_dict())

    def describe(self) -> str:
        """One short line, as in ``onnxruntime 1.31.1 cpu f32, 1 thread, batch 1, on Intel Xeon``."""
        if self.unknown:
            return self._describe_known()
        emulated = ", emulated" if self.machine.emulated else ""
        return (
            f"{self.runtime} {self.runtime_version} {self.device} {self.precision}, {self._describe_threads()}, "
            f"batch {self.batch}, on {self.machine.cpu_model}{emulated}"
        )

    def describe_settings(self) -> str:
        """The settings alone, as in ``openvino cpu bf16, 2 threads``."""
        return f"{self.runtime} {self.device} {self.precision}, {self._describe_threads()}"

    def _describe_threads(self) -> str:
        idle = "" if self.spin or self.threads == 1 else " without spinning"
        return "1 thread" if self.threads == 1 else f"{self.threads} threads{idle}"

    def _describe_known(self) -> str:
        known = [f"{word} {getattr(self, word)}" if word in ("threads", "batch") else str(getattr(self, word))
                 for word in SETTINGS if word not in self.unknown]  # fmt: skip
        missing = ", ".join(word for word in SETTINGS if word in self.unknown) or "how it was set"
        return " ".join(
            [*(known or ["an unknown runtime"]), f"on {self.machine.cpu_model} (unknown: {missing})"]
        )

    def check_same(self, other: DeviceSpec, what: str) -> None:
        """Check that this device spec may be measured as the one at hand.

        A device spec from an older file has no CPU details. It is accepted on every machine that is equal otherwise.

        Args:
            other: The device spec at hand.
            what: The owner of this device spec, as in ``the table cpu.json``.

        Raises:
            MismatchError: A setting or the machine differs. The message names the first difference.
        """
        for name, was, now in self._list_differing(other):
            raise MismatchError(
                f"{what} is of {name} {_show(was)}, and here it is {_show(now)}; "
                "profile this device, or ask for the same settings"
            )

    def list_differences(self, other: DeviceSpec) -> list[str]:
        """The differences from another device spec, one text for each field, as in ``precision: f32, bf16``."""
        return [f"{name}: {was}, {now}" for name, was, now in self._list_differing(other)]

    def _list_differing(self, other: DeviceSpec) -> Iterator[tuple[str, Any, Any]]:
        """The fields in which another differs, and both values. CPU details that an older file lacks do not differ."""
        pairs: list[tuple[str, Any, Any]] = [("", self, other)]
        if not self.machine.may_be(other.machine):
            pairs.append(("machine's ", self.machine, other.machine))
        for owner, mine, theirs in pairs:
            for name in (entry.name for entry in fields(mine)):
                was, now = getattr(mine, name), getattr(theirs, name)
                if was == now or name == "machine":
                    continue
                if name == "cpu_details":
                    yield f"{owner}{name}", _join_missing(was, now), _join_missing(now, was)
                else:
                    yield f"{owner}{name}", was, now


def _join_missing(details: tuple[str, ...], others: tuple[str, ...]) -> str:
    """The CPU details that others lack."""
    return ", ".join(detail for detail in details if detail not in others) or "none"


def _show(value: Any) -> str:
    return "none" if value in (None, (), "") else " ".join(value) if isinstance(value, tuple) else str(value)
