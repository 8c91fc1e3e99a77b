"""The runtimes that can be exported to: one file each, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError

WRITERS = {
    "onnxruntime": "compofa_deploy.export.onnxruntime",
    "onnxruntime_mobile": "compofa_deploy.export.onnxruntime_mobile",
    "openvino": "compofa_deploy.export.openvino",
    "tensorrt": "compofa_deploy.export.tensorrt",
    "tensorrt_rtx": "compofa_deploy.export.tensorrt",
}

GRAPH_BYTES_PER_LAYER = {
    "onnxruntime": 2 << 10,
    "onnxruntime_mobile": 4 << 10,
    "openvino": 12 << 10,
    "tensorrt": 160 << 10,
    "tensorrt_rtx": 160 << 10,
}
"""For each runtime, what a layer's nodes and names add to its files at most; the files are looked at after export."""

TOLERANCES = {"f32": 1e-4, "f16": 0.006, "bf16": 0.05, "tf32": 0.006}
"""For each precision, how far a model's logits may be from the reference, relative to the largest logit where that is
above 1.

Rounding to p binary digits is off by at most 2**-p. A network of at most 66 convolutions that rounds its weights and
its activations does it some 130 times in a row; errors that are independent grow with the square root of that, to 11.5
of a single one: 0.0056 in f16 and in the products of tf32 (p = 11) and 0.045 in bf16 (p = 8). What was measured of
subnets with trained and with random weights stays below 0.4 of that. In f32 it would be 7e-7; but there the rounding
of sums as they are added up counts too, and the tolerance leaves it two orders of magnitude. A wrong graph or wrong
weights are off by about 1.
"""


class Writer(Protocol):
    """What exports to one runtime."""

    MODEL_FILE: str
    WEIGHTS_FILE: str
    """Empty where the weights are inside the model file."""

    def write_model(self, supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
        """The files of a subnet for a device spec, by name."""


def find_tolerance(precision: str) -> float:
    """How far logits in a precision may be from the reference; :class:`InputError` where that is not known."""
    if precision not in TOLERANCES:
        raise InputError(f"precision {precision!r} has no tolerance; there are {', '.join(TOLERANCES)}")
    return TOLERANCES[precision]


def find_writer(runtime: str) -> Writer:
    """What exports to a runtime; :class:`InputError` lists the runtimes there are."""
    if runtime not in WRITERS:
        raise InputError(f"nothing exports to runtime {runtime!r}; there are {', '.join(WRITERS)}")
    return cast(Writer, import_module(WRITERS[runtime]))
