"""Export for ONNX Runtime: the ONNX graph as it is."""

from __future__ import annotations

from compofa_deploy.graph.network import build_network
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec

MODEL_FILE = "model.onnx"
WEIGHTS_FILE = ""


def write_model(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
    """Return the one file of a subnet for a device spec."""
    metadata = {"subnet": subnet.id, "architecture": supernet.architecture.name, "supernet": supernet.digest}
    model = build_network(
        supernet.layers_of(subnet), supernet.weights_of(subnet), batch=spec.batch, metadata=metadata
    )
    return {MODEL_FILE: model}
