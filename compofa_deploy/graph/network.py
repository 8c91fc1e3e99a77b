"""A subnet, or one layer of it, as the bytes of an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compofa_deploy.graph.form import PLAIN, GraphForm
from compofa_deploy.graph.layers import LayerNodes
from compofa_deploy.graph.writer import GraphWriter
from compofa_deploy.supernet.cut import Array
from latency_tables.errors import InputError
from latency_tables.layer import Layer

INPUT = "image"
OUTPUT = "logits"
LAYER_OUTPUT = "output"


def build_network(
    layers: Sequence[Layer],
    weights: Mapping[str, Array],
    *,
    batch: int | None = 1,
    metadata: Mapping[str, str] = {},
    form: GraphForm = PLAIN,
) -> bytes:
    """The ONNX model of a subnet: ``image`` float32 (batch, 3, side, side) to ``logits`` (batch, classes).

    ``weights`` are what :func:`~compofa_deploy.supernet.cut.cut_weights` returns; batch norm is folded here.
    ``batch`` None leaves the batch size open. Standard operators only, and the same bytes every time.
    Nodes and arrays are named ``<layer name>/<part>/...``, so that a runtime's profile can be read by layer.
    :class:`FormatError` names an array that is missing, of another shape, or too large for the form's precision.
    """
    writer = GraphWriter("subnet", _check_batch(batch), form.precision)
    tensor = writer.enter(INPUT)
    for layer in layers:
        tensor = LayerNodes(writer, layer, weights, form).add(tensor)
    writer.leave(tensor)
    return writer.encode((INPUT, _input_shape(layers[0])), (OUTPUT, _output_shape(layers[-1])), metadata)


def build_layer(
    layer: Layer, weights: Mapping[str, Array], batch: int | None = 1, form: GraphForm = PLAIN
) -> bytes:
    """The ONNX model of one layer alone, with the nodes and names that it has in a network: ``image`` of the
    layer's input shape to ``output`` of its output shape."""
    writer = GraphWriter(layer.name, _check_batch(batch), form.precision)
    writer.leave(LayerNodes(writer, layer, weights, form).add(writer.enter(INPUT)))
    return writer.encode((INPUT, _input_shape(layer)), (LAYER_OUTPUT, _output_shape(layer)), {})


def _check_batch(batch: int | None) -> int | None:
    if batch is not None and batch < 1:
        raise InputError(f"batch must be at least 1, or None to leave it open; got {batch}")
    return batch


def _input_shape(layer: Layer) -> tuple[int, ...]:
    return (layer.in_channels, layer.in_size, layer.in_size)


def _output_shape(layer: Layer) -> tuple[int, ...]:
    if layer.kind == "linear":
        return (layer.out_channels,)
    return (layer.out_channels, layer.out_size, layer.out_size)
