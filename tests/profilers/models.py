"""Small models and kits to test with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.runtimes.fake import FakeModel, FakeWorld

SHAPE = (1, 3, 8, 8)
KEYS = tuple(f"layer{i}" for i in range(12))
QUIET = FakeWorld()
REFERENCE = FakeModel(("reference",) * 8)


def make_onnx(batch: int | str = 1) -> bytes:
    """``image`` (batch, 3, 8, 8) to ``logits`` (batch, 3): a relu and a global mean."""
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["image"], ["positive"]),
            helper.make_node("GlobalAveragePool", ["positive"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def make_external_onnx(folder: Path) -> bytes:
    """What :func:`make_onnx` makes, with the offset of its logits in a file ``secret.bin`` that this writes."""
    (folder / "secret.bin").write_bytes(np.float32([1, 2, 3]).tobytes())
    model = onnx.load_from_string(make_onnx())
    model.graph.node[-1].output[0] = "flat"
    model.graph.node.append(helper.make_node("Add", ["flat", "offset"], ["logits"]))
    offset = model.graph.initializer.add(name="offset", data_type=TensorProto.FLOAT, dims=[3])
    set_external(offset)
    return model.SerializeToString()


def set_external(tensor: TensorProto, location: str = "secret.bin") -> None:
    """Let a tensor's content be in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def make_kit(
    folder: Path, world: FakeWorld = QUIET, networks: int = 6, fault: str = "", marker: str = ""
) -> Kit:
    """A kit for the fake runtime: twelve layers and some networks of them. ``fault`` is network-0's."""
    rng = np.random.default_rng(0)
    models = [(key, "layer", FakeModel((key,), world=world)) for key in KEYS]
    for i in range(networks):
        layers = tuple(str(key) for key in rng.choice(KEYS, rng.integers(6, 14)))
        broken = {"fault": fault, "fault_marker": marker} if i == 0 else {}
        models.append((f"network-{i}", "network", FakeModel(layers, world=world, **broken)))
    models.append(("reference", "reference", FakeModel(REFERENCE.layers, world=world)))
    return write_kit(
        folder,
        {"name": "fake"},
        [
            (make_item(id, kind, model.to_bytes(), layers=model.layers, input_shape=SHAPE), model.to_bytes())
            for id, kind, model in models
        ],
    )


def make_layered_onnx(side: int = 32) -> tuple[bytes, tuple[str, ...]]:
    """A model of two layers of which the second takes far longer, and their names: ``image`` (1, 3, side, side)."""
    rng = np.random.default_rng(0)

    def hold(name: str, *shape: int) -> onnx.TensorProto:
        return onnx.numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)

    def node(op: str, inputs: list[str], name: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(op, inputs, [name], name, **attributes)

    graph = helper.make_graph(
        [
            node("Conv", ["image", "w1"], "first/conv"),
            node("Relu", ["first/conv"], "first/act"),
            node("Conv", ["first/act", "w2"], "second/conv", pads=[1] * 4),
            node("Relu", ["second/conv"], "second/act"),
        ],
        "layered",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("second/act", TensorProto.FLOAT, [1, 128, side, side])],
        [hold("w1", 16, 3, 1, 1), hold("w2", 128, 16, 3, 3)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString(), ("first", "second")
