"""Export for TensorRT and TensorRT for RTX: an engine that is built from the ONNX graph."""

from __future__ import annotations

from typing import cast

from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.network import build_network
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.tensorrt.runtime import TensorRt

MODEL_FILE = "model.engine"
WEIGHTS_FILE = ""


def write_model(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
    """Return the one file of a subnet for a device spec, whose device states the GPUs that the engine fits."""
    layers, weights = supernet.layers_of(subnet), supernet.weights_of(subnet)
    form = choose_form(spec.runtime, spec.precision)
    graph = build_network(layers, weights, batch=spec.batch, form=form)
    return {MODEL_FILE: cast(TensorRt, find_runtime(spec.runtime)).build(graph, spec).data}
