"""A graph under construction: nodes and arrays in the order in which they are added, and its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from compofa_deploy.supernet.cut import Array
from latency_tables.errors import FormatError

OPSET = 13
IR_VERSION = 8
"""What ONNX Runtime has read since 1.11, OpenVINO since 2022 and TensorRT since 8.4."""

PRODUCER = "compofa-deploy"
DYNAMIC_BATCH = "N"

TYPES = {"f32": onnx.TensorProto.FLOAT, "f16": onnx.TensorProto.FLOAT16}
NUMPY_TYPES = {"f32": "<f4", "f16": "<f2"}


class GraphWriter:
    """Collects nodes. A node's name is its only output's name, and says which layer it is part of.

    ``batch`` is the first number of every shape; None leaves it open. ``precision`` is the type of the graph's weights
    and tensors, f32 or f16; its input and output are float32 in any.
    """

    def __init__(self, name: str, batch: int | None, precision: str = "f32") -> None:
        self._batch = DYNAMIC_BATCH if batch is None else batch
        self._precision = precision
        self._model = onnx.ModelProto(ir_version=IR_VERSION, producer_name=PRODUCER)
        self._model.opset_import.add(domain="", version=OPSET)
        self._graph = self._model.graph
        self._graph.name = name

    def add(self, op: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node of a standard operator and return its output's name."""
        self._graph.node.append(onnx.helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def enter(self, tensor: str) -> str:
        """The graph's input ``tensor`` in the graph's precision."""
        if self._precision == "f32":
            return tensor
        return self.add("Cast", f"{tensor}/{self._precision}", [tensor], to=TYPES[self._precision])

    def leave(self, tensor: str) -> None:
        """Make ``tensor`` the graph's output, in float32."""
        if self._precision != "f32":
            self.add("Cast", f"{tensor}/f32", [tensor], to=TYPES["f32"])

    def hold(self, name: str, array: Array) -> str:
        """Add an array that nodes take as an input, in the graph's precision, and return its name.

        :class:`FormatError` where it has numbers that are too large for that.
        """
        with np.errstate(over="ignore"):
            data = np.asarray(array, NUMPY_TYPES[self._precision], order="C")
        if self._precision == "f16" and not np.isfinite(data).all():
            raise FormatError(f"array {name} has numbers beyond float16's largest, 65504; export in f32")
        return self._add_array(name, data, self._precision)

    def hold_setting(self, name: str, array: Array) -> str:
        """The same for an array that an operator wants in float32 whatever it computes in."""
        return self._add_array(name, np.ascontiguousarray(array, NUMPY_TYPES["f32"]), "f32")

    def note_shape(self, tensor: str, shape: Sequence[int]) -> None:
        """State a tensor's shape, without the batch, where a reader could not derive it."""
        self._graph.value_info.append(self._describe(tensor, shape, self._precision))

    def encode(
        self,
        inputs: tuple[str, Sequence[int]],
        outputs: tuple[str, Sequence[int]],
        metadata: Mapping[str, str],
    ) -> bytes:
        """The model's bytes: equal graphs give equal bytes. ``inputs`` and ``outputs`` are a name and a shape
        without the batch; what the last node makes is the output."""
        self._graph.node[-1].output[0] = outputs[0]
        self._graph.input.append(self._describe(*inputs))
        self._graph.output.append(self._describe(*outputs))
        for key in sorted(metadata):
            self._model.metadata_props.add(key=key, value=metadata[key])
        data: bytes = self._model.SerializeToString(deterministic=True)
        return data

    def _add_array(self, name: str, data: Array, precision: str) -> str:
        # In place, since a protobuf that is appended is copied, and the arrays are all of a model's bytes.
        self._graph.initializer.add(
            dims=data.shape, data_type=TYPES[precision], name=name, raw_data=data.tobytes()
        )
        return name

    def _describe(self, tensor: str, shape: Sequence[int], precision: str = "f32") -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(tensor, TYPES[precision], [self._batch, *shape])
