"""A subnet, or one layer of it, as an ONNX model in the form that ONNX Runtime's CPU provider runs fastest.

``benchmarks/graph_forms.py`` measures the forms there are of h-swish, squeeze-and-excitation, pooling and head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compofa_deploy.graph.fold import fetch_array, fold_norm
from compofa_deploy.graph.writer import GraphWriter
from compofa_deploy.supernet.cut import Array, list_shapes
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
    metadata: Mapping[str, str] = {},  # noqa: B006
) -> bytes:
    """The ONNX model of a subnet: ``image`` float32 (batch, 3, side, side) to ``logits`` (batch, classes).

    ``weights`` are what :func:`~compofa_deploy.supernet.cut.cut_weights` returns; batch norm is folded here.
    ``batch`` None leaves the batch size open. Standard operators only, and the same bytes every time.
    Every node and array is named ``<layer name>/<part>/...``, so that a runtime's profile can be read by layer.
    :class:`FormatError` names an array that is missing or of another shape.
    """
    _check_batch(batch)
    writer, tensor = GraphWriter("subnet"), INPUT
    for layer in layers:
        tensor = _add_layer(writer, layer, weights, tensor)
    return writer.encode(
        (INPUT, _input_shape(layers[0])), (OUTPUT, _output_shape(layers[-1])), batch, metadata
    )


def build_layer(layer: Layer, weights: Mapping[str, Array], batch: int | None = 1) -> bytes:
    """The ONNX model of one layer alone, as it stands in a network: ``image`` of the layer's input shape to
    ``output`` of its output shape."""
    _check_batch(batch)
    writer = GraphWriter(layer.name)
    _add_layer(writer, layer, weights, INPUT)
    return writer.encode((INPUT, _input_shape(layer)), (LAYER_OUTPUT, _output_shape(layer)), batch, {})


def _check_batch(batch: int | None) -> None:
    if batch is not None and batch < 1:
        raise InputError(f"batch must be at least 1, or None to leave it open; got {batch}")


def _input_shape(layer: Layer) -> tuple[int, ...]:
    return (layer.in_channels, layer.in_size, layer.in_size)


def _output_shape(layer: Layer) -> tuple[int, ...]:
    if layer.kind == "linear":
        return (layer.out_channels,)
    return (layer.out_channels, layer.out_size, layer.out_size)


def _add_layer(writer: GraphWriter, layer: Layer, weights: Mapping[str, Array], tensor: str) -> str:
    if layer.kind == "pool":
        return writer.add("GlobalAveragePool", f"{layer.name}/mean", [tensor])
    if layer.kind == "linear":
        return _add_linear(writer, layer, weights, tensor)
    if layer.kind == "conv":
        tensor = _add_conv(
            writer, layer, weights, "conv", "bn" if layer.norm else None, tensor, layer.kernel, layer.stride
        )
        return _activate(writer, f"{layer.name}/conv", layer.act, tensor)
    return _add_block(writer, layer, weights, tensor)


def _add_block(writer: GraphWriter, layer: Layer, weights: Mapping[str, Array], tensor: str) -> str:
    inputs = tensor
    if layer.has_expansion:
        tensor = _add_conv(writer, layer, weights, "expand", "expand_bn", tensor)
        tensor = _activate(writer, f"{layer.name}/expand", layer.act, tensor)
    tensor = _add_conv(
        writer,
        layer,
        weights,
        "depthwise",
        "depthwise_bn",
        tensor,
        layer.kernel,
        layer.stride,
        layer.mid_channels,
    )
    tensor = _activate(writer, f"{layer.name}/depthwise", layer.act, tensor)
    if layer.se:
        tensor = _add_excitation(writer, layer, weights, tensor)
    tensor = _add_conv(writer, layer, weights, "project", "project_bn", tensor)
    return writer.add("Add", f"{layer.name}/skip", [tensor, inputs]) if layer.skip else tensor


def _add_excitation(writer: GraphWriter, layer: Layer, weights: Mapping[str, Array], tensor: str) -> str:
    name = f"{layer.name}/se"
    gate = writer.add("GlobalAveragePool", f"{name}/mean", [tensor])
    gate = _add_conv(writer, layer, weights, "se.reduce", None, gate)
    gate = writer.add("Relu", f"{name}/reduce/act", [gate])
    gate = _add_conv(writer, layer, weights, "se.expand", None, gate)
    gate = writer.add("HardSigmoid", f"{name}/expand/act", [gate], alpha=1 / 6, beta=0.5)
    return writer.add("Mul", f"{name}/scale", [tensor, gate])


def _add_linear(writer: GraphWriter, layer: Layer, weights: Mapping[str, Array], tensor: str) -> str:
    arrays = [
        writer.hold(f"{layer.name}/{part}", fetch_array(weights, f"{layer.name}.{part}", shape))
        for part, shape in list_shapes(layer).items()
    ]
    flat = writer.add("Flatten", f"{layer.name}/flatten", [tensor], axis=1)
    return writer.add("Gemm", f"{layer.name}/gemm", [flat, *arrays], transB=1)


def _add_conv(
    writer: GraphWriter,
    layer: Layer,
    weights: Mapping[str, Array],
    part: str,
    norm: str | None,
    tensor: str,
    kernel: int = 1,
    stride: int = 1,
    group: int = 1,
) -> str:
    """A convolution with the batch norm ``norm`` folded in, or with its own bias where it has one."""
    name, shapes = f"{layer.name}/{part.replace('.', '/')}", list_shapes(layer)
    shape = shapes[f"{part}.weight"]
    if norm is not None:
        arrays = dict(
            zip(
                ("weight", "bias"),
                fold_norm(weights, f"{layer.name}.{part}", f"{layer.name}.{norm}", shape),
                strict=True,
            )
        )
    else:
        arrays = {
            word: fetch_array(weights, f"{layer.name}.{part}.{word}", shapes[f"{part}.{word}"])
            for word in ("weight", "bias")
            if f"{part}.{word}" in shapes
        }
    held = [writer.hold(f"{name}/{word}", array) for word, array in arrays.items()]
    return writer.add(
        "Conv",
        f"{name}/conv",
        [tensor, *held],
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[kernel // 2] * 4,
        dilations=[1, 1],
        group=group,
    )


def _activate(writer: GraphWriter, name: str, act: str, tensor: str) -> str:
    if act == "relu":
        return writer.add("Relu", f"{name}/act", [tensor])
    if act == "h_swish":
        gate = writer.add("HardSigmoid", f"{name}/act/gate", [tensor], alpha=1 / 6, beta=0.5)
        return writer.add("Mul", f"{name}/act", [tensor, gate])
    return tensor
