"""Export for OpenVINO: its IR, with a graph as .xml and weights as .bin."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from compofa_deploy.export import onnxruntime
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from latency_tables.scratch import scratch_folder
from profilers.runtimes.openvino.graph import read_graph
from profilers.runtimes.openvino.runtime import load_openvino

MODEL_FILE = "model.xml"
WEIGHTS_FILE = "model.bin"


def write_model(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
    """Return the files of a subnet for a device spec. One version of OpenVINO gives equal bytes each time.

    The weights are stored in f16 where the precision is f16, since it rounds them anyway; else in f32.
    """
    openvino = load_openvino()
    onnx = onnxruntime.write_model(supernet, subnet, spec)[onnxruntime.MODEL_FILE]
    model = read_graph(openvino.Core(), onnx)
    _fold_constants(model)
    _name_nodes(model)
    with scratch_folder("ir") as folder:
        path = Path(folder) / MODEL_FILE
        openvino.save_model(model, path, compress_to_fp16=spec.precision == "f16")
        return {name: (Path(folder) / name).read_bytes() for name in (MODEL_FILE, WEIGHTS_FILE)}


def _fold_constants(model: Any) -> None:
    """Compute the nodes that depend on no input, mostly shapes. Less than half of the graph remains."""
    passes = import_module("openvino.passes")
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(model)


def _name_nodes(model: Any) -> None:
    """Rename the nodes that OpenVINO named by a counter of the process by their places in the graph."""
    for place, node in enumerate(model.get_ordered_ops()):
        # A folded constant keeps the name of the node whose place it took.
        if re.fullmatch(r"[A-Z][A-Za-z]*_\d+", node.get_friendly_name()):
            node.set_friendly_name(f"{node.get_type_name()}_{place}")
