"""Latency of other forms of a subnet's graph, relative to the form that the project writes.

    python -m benchmarks.graph_forms [--blocks 5]

Each form is a rewriting of the graph that ``build_network`` writes, and must give the same logits. It is timed in ABBA
blocks of fresh sessions on ONNX Runtime's CPU provider, with one thread. A ratio above 1 is a slower form. The first
row compares the graph with itself and shows the noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import make_node
from onnx.numpy_helper import from_array

from benchmarks.compare_models import compare, run_once, summarise
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.layer import Layer
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime

SUBNETS = (
    ("mbv3-w0.75-cifar10", "22222@24"),
    ("mbv3-w0.75-cifar10", "34343@32"),
    ("mbv3-w0.75-cifar10", "44444@32"),
    ("mbv3-w1.0-imagenet", "22222@160"),
    ("mbv3-w1.0-imagenet", "34343@160"),
    ("mbv3-w1.0-imagenet", "44444@224"),
)
TOLERANCE = 1e-4
PADDED_MULTIPLE = 16
"""The width of a block in ONNX Runtime's blocked layout on AVX-512."""

Node = onnx.NodeProto


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph as a rewriting rule sees it: it can read nodes and add arrays."""

    arrays: dict[str, onnx.TensorProto]
    layers: Mapping[str, Layer]

    def hold(self, name: str, value: NDArray[np.generic]) -> str:
        """Add an array unless it was added before, and return its name."""
        self.arrays.setdefault(name, from_array(value, name))
        return name

    def reshape(self, name: str, *dims: int) -> str:
        """Add a stored array again with other dimensions, for an operator that needs the same numbers in another
        shape."""
        del self.arrays[name].dims[:]
        self.arrays[name].dims.extend(dims)
        return name

    def size(self, node: Node) -> int:
        """Return the side in pixels of the features that the node's layer pools."""
        layer = self.layers[node.name.split("/")[0]]
        return layer.in_size if layer.kind == "pool" else layer.out_size


Rule = Callable[[Node, Graph], list[Node] | None]
"""Return the nodes that replace a node, or None where it stays."""


@dataclass(frozen=True, slots=True)
class Form:
    """Another form of the graph."""

    name: str
    rule: Rule = lambda node, graph: None
    opset: int | None = None
    pad: bool = False


def pad_channels(
    layers: Sequence[Layer], weights: Mapping[str, Array]
) -> tuple[list[Layer], dict[str, Array]]:
    """Return the subnet with its middle channels padded by zero weights to a multiple of 16; no output changes."""
    wide = [
        replace(layer, mid_channels=-(-layer.mid_channels // PADDED_MULTIPLE) * PADDED_MULTIPLE)
        for layer in layers
    ]
    padded = {}
    for layer in wide:
        for part, shape in list_shapes(layer).items():
            narrow = weights[f"{layer.name}.{part}"]
            array = np.zeros(np.maximum(shape, narrow.shape), np.float32)
            array[tuple(slice(n) for n in narrow.shape)] = narrow
            padded[f"{layer.name}.{part}"] = array[tuple(slice(n) for n in shape)]
    return wide, padded


def write_gate_as_chain(node: Node, graph: Graph) -> list[Node]:
    """Write relu6(x + 3) / 6 as separate operators."""
    three, zero, six = (graph.hold(f"number/{n}", np.array(n, np.float32)) for n in (3, 0, 6))
    return [
        make_node("Add", [node.input[0], three], [f"{node.name}/plus"]),
        make_node("Clip", [f"{node.name}/plus", zero, six], [f"{node.name}/clip"]),
        make_node("Div", [f"{node.name}/clip", six], node.output, node.name),
    ]


def write_swish_as_operator(node: Node, graph: Graph) -> list[Node] | None:
    """Write one HardSwish instead of HardSigmoid and Mul."""
    if node.name.endswith("/act/gate"):
        return []
    if node.op_type == "Mul" and node.name.endswith("/act"):
        return [make_node("HardSwish", [node.input[0]], node.output, node.name)]
    return None


def write_swish_as_chain(node: Node, graph: Graph) -> list[Node] | None:
    """Write the gate of h-swish as separate operators."""
    return write_gate_as_chain(node, graph) if node.name.endswith("/act/gate") else None


def write_excitation_as_chain(node: Node, graph: Graph) -> list[Node] | None:
    """Write the hard sigmoid of squeeze-and-excitation as separate operators."""
    return write_gate_as_chain(node, graph) if node.name.endswith("/se/expand/act") else None


def write_relu_as_clip(node: Node, graph: Graph) -> list[Node] | None:
    """Write Clip from 0 instead of Relu."""
    if node.op_type != "Relu":
        return None
    zero = graph.hold("number/0", np.array(0, np.float32))
    return [make_node("Clip", [node.input[0], zero], node.output, node.name)]


def write_pool_as_reduce(node: Node, graph: Graph) -> list[Node] | None:
    """Write ReduceMean over the pixels instead of GlobalAveragePool."""
    if node.op_type != "GlobalAveragePool":
        return None
    return [make_node("ReduceMean", node.input, node.output, node.name, axes=[2, 3], keepdims=1)]


def write_pool_as_window(node: Node, graph: Graph) -> list[Node] | None:
    """Write AveragePool with a window of all pixels instead of GlobalAveragePool."""
    if node.op_type != "GlobalAveragePool":
        return None
    return [make_node("AveragePool", node.input, node.output, node.name, kernel_shape=[graph.size(node)] * 2)]


def broadcast_gate(node: Node, graph: Graph) -> list[Node] | None:
    """Pass the gate of one pixel straight to Mul, which broadcasts it."""
    if node.op_type == "Resize":
        return []
    if node.name.endswith("/se/scale"):
        gate = node.input[1].replace("/spread", "/expand/act")
        return [make_node("Mul", [node.input[0], gate], node.output, node.name)]
    return None


def write_excitation_as_gemm(node: Node, graph: Graph) -> list[Node] | None:
    """Write Gemm on flattened pixels for the two convolutions of squeeze-and-excitation."""
    if "/se/" not in node.name:
        return None
    if node.op_type == "GlobalAveragePool":
        return [make_node("GlobalAveragePool", node.input, [f"{node.name}/4d"], node.name),
                make_node("Flatten", [f"{node.name}/4d"], node.output)]  # fmt: skip
    if node.op_type == "Conv":
        weight = graph.reshape(node.input[1], *graph.arrays[node.input[1]].dims[:2])
        return [make_node("Gemm", [node.input[0], weight, node.input[2]], node.output, node.name, transB=1)]
    if node.op_type == "HardSigmoid":
        flat = Node.FromString(node.SerializeToString())
        flat.output[0] += "/2d"
        axes = graph.hold("axes", np.array([2, 3]))
        return [flat, make_node("Unsqueeze", [flat.output[0], axes], node.output)]
    return None


def write_mix_as_gemm(node: Node, graph: Graph) -> list[Node] | None:
    """Write Gemm on flattened pixels for the feature mix."""
    if node.name == "feature_mix/conv/conv":
        weight = graph.reshape(node.input[1], *graph.arrays[node.input[1]].dims[:2])
        return [make_node("Flatten", [node.input[0]], ["pool/flat"]),
                make_node("Gemm", ["pool/flat", weight], node.output, node.name, transB=1)]  # fmt: skip
    return None


def write_classifier_as_conv(node: Node, graph: Graph) -> list[Node] | None:
    """Write a convolution on one pixel for the classifier."""
    if node.op_type == "Flatten":
        return []
    if node.op_type == "Gemm":
        weight = graph.reshape(node.input[1], *graph.arrays[node.input[1]].dims[:2], 1, 1)
        return [make_node("Conv", ["feature_mix/conv/act", weight, node.input[2]], ["logits/4d"], node.name),
                make_node("Flatten", ["logits/4d"], node.output)]  # fmt: skip
    return None


FORMS = (
    Form("the same graph again"),
    Form("h-swish: HardSwish operator", write_swish_as_operator, opset=14),
    Form("h-swish: x * Div(Clip(Add))", write_swish_as_chain),
    Form("SE hard sigmoid: Div(Clip(Add))", write_excitation_as_chain),
    Form("relu: Clip", write_relu_as_clip),
    Form("pooling: ReduceMean", write_pool_as_reduce),
    Form("pooling: AveragePool", write_pool_as_window),
    Form("SE scale: gate left to broadcast", broadcast_gate),
    Form("SE: Gemm on flattened pixels", write_excitation_as_gemm),
    Form("head: feature mix as Gemm", write_mix_as_gemm),
    Form("head: classifier as Conv", write_classifier_as_conv),
    Form("middle channels padded to 16", pad=True),
    Form("opset 17", opset=17),
    Form("opset 20", opset=20),
)


def write_form(form: Form, layers: Sequence[Layer], weights: Mapping[str, Array]) -> bytes:
    """Return the bytes of the subnet in another form."""
    model = onnx.load_from_string(
        build_network(*(pad_channels(layers, weights) if form.pad else (layers, weights)))
    )
    graph = Graph(
        {array.name: array for array in model.graph.initializer}, {layer.name: layer for layer in layers}
    )
    nodes: list[Node] = []
    for node in model.graph.node:
        rewritten = form.rule(node, graph)
        nodes += [node] if rewritten is None else rewritten
    used = {name for node in nodes for name in node.input}
    made = {name for node in nodes for name in node.output}
    written = onnx.helper.make_graph(
        nodes, "form", model.graph.input, model.graph.output,
        [array for name, array in graph.arrays.items() if name in used],
        value_info=[value for value in model.graph.value_info if value.name in made],
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", form.opset or model.opset_import[0].version)
    made_model = onnx.helper.make_model(written, opset_imports=[opset], ir_version=model.ir_version)
    onnx.checker.check_model(made_model, full_check=True)
    data: bytes = made_model.SerializeToString()
    return data


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=5, help="ABBA blocks for each form and subnet")
    blocks = parser.parse_args().blocks
    rng = np.random.default_rng(0)
    subnets = []
    for architecture, subnet in SUBNETS:
        layers = list_layers(find_architecture(architecture), Subnet.parse(subnet))
        image = rng.standard_normal((1, 3, layers[0].in_size, layers[0].in_size), np.float32)
        subnets.append((layers, draw_weights(layers, rng), image))
    print(f"ONNX Runtime {OnnxRuntime().version()}, one thread, {blocks} ABBA blocks of fresh sessions")
    for architecture, subnet in SUBNETS:
        print(f"  {architecture} {subnet}")
    print(f"{'form':34} {'ratio to ours':22} by subnet")
    for form in FORMS:
        ratios = []
        for layers, weights, image in subnets:
            base, model = build_network(layers, weights), write_form(form, layers, weights)
            np.testing.assert_allclose(run_once(model, image), run_once(base, image), atol=TOLERANCE)
            ratios.append(compare(model, base, image, blocks))
        each = " ".join(f"{np.exp(np.median(ratio)):.3f}" for ratio in ratios)
        print(f"{form.name:34} {summarise(ratios, rng)!s:22} {each}", flush=True)


if __name__ == "__main__":
    main()
