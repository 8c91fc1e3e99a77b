"""Device specs: everything that a latency depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from latency_tables.errors import MismatchError
from latency_tables.fields import Fields
from latency_tables.machine import Machine, hash_json

SETTINGS = ("runtime", "runtime_version", "device", "precision", "threads", "batch")
"""What a description names."""
OPTIONAL = ("unknown", "driver")
"""What is left out where it is empty, as it is in files that were written before it was known."""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
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
        return cls(**{field.name: getattr(spec, field.name) for field in fields(cls)})

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Any, where: str = "device_request") -> DeviceRequest:
        """Read what :meth:`to_dict` wrote; :class:`FormatError` names the field that is wrong."""
        read = Fields(data, where)
        return cls(
            runtime=read.text("runtime"),
            device=read.text("device"),
            precision=read.text("precision"),
            # The runtime refuses a number below 1, with its reason.
            threads=read.integer("threads"),
            batch=read.integer("batch"),
            spin=read.flag("spin"),
            graph_level=read.text("graph_level"),
        )


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A runtime as it is set, on a machine.

    ``threads`` are those that work on one operator; ``spin`` says whether they wait for work busily;
    ``graph_level`` is how far the runtime may rewrite the graph. ``unknown`` names the fields that nobody stated, of
    a table from elsewhere; those hold some value of their type. ``driver`` is the version of what runs a device that
    is not the machine's CPU; empty where there is none, or it cannot be told.
    """

    runtime: str
    runtime_version: str
    device: str
    precision: str
    threads: int
    batch: int
    spin: bool
    graph_level: str
    machine: Machine
    unknown: tuple[str, ...] = ()
    driver: str = ""

    @property
    def id(self) -> str:
        """12 hexadecimal digits; equal for equal device specs."""
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
        """What tells it from others of one machine, as in ``openvino cpu bf16, 2 threads``."""
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

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form, read back by :meth:`from_dict`."""
        plain = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in OPTIONAL
        }
        unknown = {"unknown": list(self.unknown)} if self.unknown else {}
        driver = {"driver": self.driver} if self.driver else {}
        return {**plain, "machine": self.machine.to_dict(), **unknown, **driver}

    @classmethod
    def from_dict(cls, data: Any, where: str = "device_spec") -> DeviceSpec:
        """Read what :meth:`to_dict` wrote; :class:`FormatError` names the field that is wrong."""
        read = Fields(data, where)
        return cls(
            runtime=read.text("runtime"),
            runtime_version=read.text("runtime_version"),
            device=read.text("device"),
            precision=read.text("precision"),
            threads=read.integer("threads", minimum=1),
            batch=read.integer("batch", minimum=1),
            spin=read.flag("spin"),
            graph_level=read.text("graph_level"),
            machine=Machine.from_dict(read.value("machine"), f"{where}, machine"),
            unknown=read.texts("unknown") if "unknown" in read.data else (),
            driver=read.text("driver") if "driver" in read.data else "",
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
        """How another device spec differs, field by field, as in ``precision: f32, bf16``."""
        return [f"{name}: {was}, {now}" for name, was, now in self._list_differing(other)]

    def _list_differing(self, other: DeviceSpec) -> Iterator[tuple[str, Any, Any]]:
        """The fields in which another differs, and both values. CPU details that an older file lacks do not differ."""
        pairs: list[tuple[str, Any, Any]] = [("", self, other)]
        if not self.machine.may_be(other.machine):
            pairs.append(("machine's ", self.machine, other.machine))
        for owner, mine, theirs in pairs:
            for field in fields(mine):
                was, now = getattr(mine, field.name), getattr(theirs, field.name)
                if was == now or field.name == "machine":
                    continue
                if field.name == "cpu_details":
                    yield f"{owner}{field.name}", _join_missing(was, now), _join_missing(now, was)
                else:
                    yield f"{owner}{field.name}", was, now


def _join_missing(details: tuple[str, ...], others: tuple[str, ...]) -> str:
    """The CPU details that others lack."""
    return ", ".join(detail for detail in details if detail not in others) or "none"


def _show(value: Any) -> str:
    return "none" if value in (None, (), "") else " ".join(value) if isinstance(value, tuple) else str(value)
