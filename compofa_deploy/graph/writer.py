"""A graph under construction: nodes and arrays in the order in which they are added, and its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from compofa_deploy.supernet.cut import Array

OPSET = 13
IR_VERSION = 8
"""What ONNX Runtime has read since 1.11, OpenVINO since 2022 and TensorRT since 8.4."""

PRODUCER = "compofa-deploy"
DYNAMIC_BATCH = "N"


class GraphWriter:
    """Collects nodes. A node's name is its only output's name, and says which layer it is part of.

    ``batch`` is the first number of every shape; None leaves it open.
    """

    def __init__(self, name: str, batch: int | None) -> None:
        self._batch = DYNAMIC_BATCH if batch is None else batch
        self._model = onnx.ModelProto(ir_version=IR_VERSION, producer_name=PRODUCER)
        self._model.opset_import.add(domain="", version=OPSET)
        self._graph = self._model.graph
        self._graph.name = name

    def add(self, op: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node of a standard operator and return its output's name."""
        self._graph.node.append(onnx.helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def hold(self, name: str, array: Array) -> str:
        """Add an array of float32 that nodes take as an input and return its name."""
        little_endian = np.ascontiguousarray(array, "<f4")
        # In place, since a protobuf that is appended is copied, and the arrays are all of a model's bytes.
        self._graph.initializer.add(
            dims=array.shape, data_type=onnx.TensorProto.FLOAT, name=name, raw_data=little_endian.tobytes()
        )
        return name

    def note_shape(self, tensor: str, shape: Sequence[int]) -> None:
        """State a tensor's shape, without the batch, where a reader could not derive it."""
        self._graph.value_info.append(self._describe(tensor, shape))

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

    def _describe(self, tensor: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, [self._batch, *shape])
