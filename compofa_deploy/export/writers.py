"""The runtimes that models are exported for. Each is one file of this room and one line here."""

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
"""For each runtime, the largest number of bytes that a layer's nodes and names add to its files.

It bounds a size before export; after export the files themselves are measured.
"""

TOLERANCES = {"f32": 1e-4, "f16": 0.006, "bf16": 0.05, "tf32": 0.006}
"""For each precision, the largest difference of a model's logits from the reference.

The difference is relative to the largest logit where that is above 1.

Rounding to p binary digits has an error of at most 2**-p. A network of at most 66 convolutions rounds weights and
activations some 130 times in a row. Independent errors grow with the square root of that, to 11.5 single errors: 0.0056
in f16 and in the products of tf32 (p = 11), and 0.045 in bf16 (p = 8). Measured errors of subnets with trained and with
random weights are below 0.4 of that. In f32 the bound would be 7e-7. There the rounding of sums counts too, so the
tolerance is two orders of magnitude larger. A wrong graph or wrong weights give a difference of about 1.
"""


class Writer(Protocol):
    """The contents of a file that exports for one runtime."""

    MODEL_FILE: str
    WEIGHTS_FILE: str
    """The name of the file of weights; empty where the weights are inside the model file."""

    def write_model(self, supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
        """Return the files of a subnet for a device spec, by name.

        Args:
            supernet: The supernet.
            subnet: The subnet.
            spec: The device spec.
        """


def find_tolerance(precision: str) -> float:
    """Return the largest difference from the reference of logits in a precision; see ``TOLERANCES``.

    Raises:
        InputError: The precision has no tolerance.
    """
    if precision not in TOLERANCES:
        raise InputError(f"precision {precision!r} has no tolerance; there are {', '.join(TOLERANCES)}")
    return TOLERANCES[precision]


def find_writer(runtime: str) -> Writer:
    """Return the file that exports for a runtime.

    Raises:
        InputError: No file exports for it; the message lists the runtimes.
    """
    if runtime not in WRITERS:
        raise InputError(f"nothing exports to runtime {runtime!r}; there are {', '.join(WRITERS)}")
    return cast(Writer, import_module(WRITERS[runtime]))
