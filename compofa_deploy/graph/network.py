"""The ONNX model of a subnet, or of one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compofa_deploy.graph.form import PLAIN, GraphForm
from compofa_deploy.graph.layer_nodes import LayerNodes
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
    """Return the ONNX model of a subnet, from ``image`` (batch, 3, side, side) to ``logits`` (batch, classes), float32.

    The model has standard operators alone, and equal arguments give equal bytes. Batch norm is folded. Nodes and
    arrays are named ``<layer name>/<part>/...``, so that a runtime's profile can be read by layer.

    Args:
        layers: The subnet's layers.
        weights: The subnet's arrays, as :func:`~compofa_deploy.supernet.cut.cut_weights` returns them.
        batch: The batch size; None leaves it open.
        metadata: Texts that the model holds.
        form: The graph's form.

    Raises:
        FormatError: An array is missing, of another shape, or too large for the form's precision.
        InputError: The batch size is below 1.
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
    """Return the ONNX model of one layer alone, with the nodes and names that it has in a network.

    Args:
        layer: The layer, whose input is ``image`` and whose output is ``output``.
        weights: The layer's arrays.
        batch: The batch size; None leaves it open.
        form: The graph's form.
    """
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
