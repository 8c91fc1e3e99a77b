"""A graph under construction: nodes and arrays in the order of their addition, and the model's bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from compofa_deploy.supernet.cut import Array
from latency_tables.errors import FormatError

OPSET = 13
IR_VERSION = 8
"""ONNX Runtime has read this version since 1.11, OpenVINO since 2022 and TensorRT since 8.4."""

PRODUCER = "compofa-deploy"
DYNAMIC_BATCH = "N"

TYPES = {"f32": onnx.TensorProto.FLOAT, "f16": onnx.TensorProto.FLOAT16}
NUMPY_TYPES = {"f32": "<f4", "f16": "<f2"}


class GraphWriter:
    """Collects nodes and arrays. A node's name is the name of its only output, and begins with its layer's name.

    Args:
        name: The graph's name.
        batch: The batch size, which is the first number of every shape; None leaves it open.
        precision: The type of weights and tensors, f32 or f16. The input and the output are float32 in both.
    """

    def __init__(self, name: str, batch: int | None, precision: str = "f32") -> None:
        self._batch = DYNAMIC_BATCH if batch is None else batch
        self._precision = precision
        self._model = onnx.ModelProto(ir_version=IR_VERSION, producer_name=PRODUCER)
        self._model.opset_import.add(domain="", version=OPSET)
        self._graph = self._model.graph
        self._graph.name = name

    def add(self, op: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node.

        Args:
            op: The standard operator.
            name: The name of the node and of its output.
            inputs: The names of its inputs.
            attributes: The operator's attributes.

        Returns:
            The name of the output.
        """
        self._graph.node.append(onnx.helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def enter(self, tensor: str) -> str:
        """Return the name of the graph's input ``tensor`` in the graph's precision."""
        if self._precision == "f32":
            return tensor
        return self.add("Cast", f"{tensor}/{self._precision}", [tensor], to=TYPES[self._precision])

    def leave(self, tensor: str) -> None:
        """Make ``tensor`` the graph's output, in float32."""
        if self._precision != "f32":
            self.add("Cast", f"{tensor}/f32", [tensor], to=TYPES["f32"])

    def hold(self, name: str, array: Array) -> str:
        """Add an array in the graph's precision, and return its name, which nodes take as an input.

        Args:
            name: The array's name.
            array: The array.

        Raises:
            FormatError: A number is too large for the precision.
        """
        with np.errstate(over="ignore"):
            data = np.asarray(array, NUMPY_TYPES[self._precision], order="C")
        if self._precision == "f16" and not np.isfinite(data).all():
            raise FormatError(f"array {name} has numbers beyond float16's largest, 65504; export in f32")
        return self._add_array(name, data, self._precision)

    def hold_setting(self, name: str, array: Array) -> str:
        """Add an array that an operator needs in float32 in every precision, and return its name.

        Args:
            name: The array's name.
            array: The array.
        """
        return self._add_array(name, np.ascontiguousarray(array, NUMPY_TYPES["f32"]), "f32")

    def note_shape(self, tensor: str, shape: Sequence[int]) -> None:
        """State the shape of a tensor that a reader could not derive.

        Args:
            tensor: The tensor's name.
            shape: Its shape without the batch.
        """
        self._graph.value_info.append(self._describe(tensor, shape, self._precision))

    def encode(
        self,
        inputs: tuple[str, Sequence[int]],
        outputs: tuple[str, Sequence[int]],
        metadata: Mapping[str, str],
    ) -> bytes:
        """Return the model's bytes. Equal graphs give equal bytes.

        Args:
            inputs: The name and the shape, without the batch, of the input.
            outputs: The name and the shape, without the batch, of the last node's output.
            metadata: Texts that the model holds.
        """
        self._graph.node[-1].output[0] = outputs[0]
        self._graph.input.append(self._describe(*inputs))
        self._graph.output.append(self._describe(*outputs))
        for key in sorted(metadata):
            self._model.metadata_props.add(key=key, value=metadata[key])
        data: bytes = self._model.SerializeToString(deterministic=True)
        return data

    def _add_array(self, name: str, data: Array, precision: str) -> str:
        # In place: appending a protobuf would copy it, and arrays are nearly all of a model's bytes.
        self._graph.initializer.add(
            dims=data.shape, data_type=TYPES[precision], name=name, raw_data=data.tobytes()
        )
        return name

    def _describe(self, tensor: str, shape: Sequence[int], precision: str = "f32") -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(tensor, TYPES[precision], [self._batch, *shape])
