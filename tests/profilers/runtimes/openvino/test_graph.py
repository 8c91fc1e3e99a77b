import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from profilers.runtimes.onnxruntime.runtime import OnnxRuntime
from profilers.runtimes.openvino.graph import read_graph
from profilers.runtimes.openvino.runtime import OpenVino, load_openvino

pytestmark = pytest.mark.skipif(
    not OpenVino().check().works, reason="OpenVINO does not work here; pip install 'compofa-deploy[openvino]'"
)
SHAPE = (1, 3, 8, 8)


def make_gated(alpha: float = 1 / 6, use: str = "own") -> bytes:
    """A hard sigmoid of ``image`` that is multiplied with ``image``, with another tensor, or used twice."""
    nodes = [
        helper.make_node("HardSigmoid", ["image"], ["gate"], "gate", alpha=alpha, beta=0.5),
        helper.make_node("Relu", ["image"], ["other"], "other"),
        helper.make_node("Mul", ["image" if use == "own" else "other", "gate"], ["logits"], "product"),
    ]
    if use == "twice":
        nodes[-1] = helper.make_node("Mul", ["image", "gate"], ["product"], "product")
        nodes.append(helper.make_node("Add", ["product", "gate"], ["logits"], "sum"))
    graph = helper.make_graph(
        nodes,
        "gated",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, SHAPE)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def list_kinds(model: bytes) -> set[str]:
    graph = read_graph(load_openvino().Core(), model)
    return {node.get_type_name() for node in graph.get_ordered_ops()}


@pytest.mark.parametrize(
    ("use", "there", "gone"),
    [
        ("own", {"HSwish"}, {"HardSigmoid", "Multiply"}),
        ("other", {"HSigmoid", "Multiply"}, {"HardSigmoid", "HSwish"}),
        ("twice", {"HSigmoid", "Multiply"}, {"HardSigmoid", "HSwish"}),
    ],
)
def test_h_swish_and_its_gate_become_openvinos_own(use: str, there: set[str], gone: set[str]) -> None:
    kinds = list_kinds(make_gated(use=use))
    assert there <= kinds
    assert not gone & kinds


def test_another_hard_sigmoid_stays() -> None:
    kinds = list_kinds(make_gated(alpha=0.2))
    assert "HardSigmoid" in kinds
    assert not kinds & {"HSigmoid", "HSwish"}


@pytest.mark.parametrize("use", ["own", "other", "twice"])
@pytest.mark.parametrize("alpha", [1 / 6, 0.2])
def test_the_numbers_stay(use: str, alpha: float) -> None:
    feeds = {"image": np.linspace(-5, 5, 192, dtype=np.float32).reshape(SHAPE)}
    model, outputs = make_gated(alpha, use), []
    for runtime in (OnnxRuntime(), OpenVino()):
        with runtime.open(model, runtime.spec()) as session:
            outputs.append(session.run(feeds)["logits"])
    one, other = outputs
    np.testing.assert_allclose(one, other, atol=2e-6)
