"""Export for ONNX Runtime on phones: a model in its own format, and the operators of a reduced build."""

from __future__ import annotations

import warnings
from pathlib import Path

from compofa_deploy.export import onnxruntime
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from latency_tables.scratch import scratch_folder
from profilers.runtimes.onnxruntime.mobile import convert_to_ort

MODEL_FILE = "model.ort"
WEIGHTS_FILE = ""
OPERATORS_FILE = "required_operators.config"
"""The file that ONNX Runtime's build.sh takes with --include_ops_by_config, for a build of these operators alone.

With --enable_reduced_operator_type_support the build has these types alone.
"""


def write_model(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec) -> dict[str, bytes]:
    """Return the files of a subnet for a device spec, whose graph level is the instruction set."""
    onnx = onnxruntime.write_model(supernet, subnet, spec)[onnxruntime.MODEL_FILE]
    model = convert_to_ort(onnx, spec.graph_level)
    return {MODEL_FILE: model, OPERATORS_FILE: list_operators(model).encode()}


def list_operators(model: bytes) -> str:
    """Return the operators and types of a model in ONNX Runtime's format, one line for each domain and opset.

    A line is as in ``ai.onnx;13;Flatten,Gemm{"inputs": {"0": ["float"]}}``.
    """
    from onnxruntime.tools.ort_format_model import OperatorTypeUsageManager, OrtFormatModelProcessor

    operators: dict[str, dict[int, set[str]]] = {}
    types = OperatorTypeUsageManager()
    with scratch_folder("ort") as folder:
        path = Path(folder) / MODEL_FILE
        path.write_bytes(model)
        with warnings.catch_warnings():
            # The processor leaves closing its file to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            OrtFormatModelProcessor(str(path), operators, types).process()
    lines = [
        f"{domain};{opset};"
        + ",".join(f"{op}{types.get_config_entry(domain, op) or ''}" for op in sorted(used))
        for domain, opsets in sorted(operators.items())
        for opset, used in sorted(opsets.items())
        if used
    ]
    return "\n".join(lines) + "\n"
