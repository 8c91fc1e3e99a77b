"""The runtimes that can be exported to: one file each, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from compofa_deploy.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError

WRITERS = {"onnxruntime": "compofa_deploy.export.onnxruntime"}


class Writer(Protocol):
    """What exports to one runtime."""

    MODEL_FILE: str
    TOLERANCE: float

    def write_model(self, supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> bytes:
        """The model file of a subnet for a device spec."""


def find_writer(runtime: str) -> Writer:
    """What exports to a runtime; :class:`InputError` lists the runtimes there are."""
    if runtime not in WRITERS:
        raise InputError(f"nothing exports to runtime {runtime!r}; there are {', '.join(WRITERS)}")
    return cast(Writer, import_module(WRITERS[runtime]))
