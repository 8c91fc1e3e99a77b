"""Time to turn a subnet into a model for each runtime, and the ONNX model's latency relative to torch's export.

    python -m benchmarks.export_speed [--blocks 10]

This needs torch. Torch's TorchScript exporter is always compared, and its dynamo exporter where ``onnxscript`` is
installed. The table of :mod:`benchmarks.export_time`, which needs no torch, comes last, with the limit of each runtime.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import statistics
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.compare_models import compare, run_once, summarise, time_session
from benchmarks.export_time import REPEATS, print_times
from compofa_deploy.graph.network import INPUT, OUTPUT, build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.layer import Layer
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import now_ns
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime

SUBNETS = (
    ("mbv3-w0.75-cifar10", "22222@24"),
    ("mbv3-w0.75-cifar10", "34343@32"),
    ("mbv3-w0.75-cifar10", "44444@32"),
    ("mbv3-w1.0-imagenet", "22222@160"),
    ("mbv3-w1.0-imagenet", "34343@192"),
    ("mbv3-w1.0-imagenet", "44444@224"),
)
BUILDS = 10
TOLERANCE = 1e-4


class Block(nn.Module):
    """An inverted residual of plain torch modules, with the names of a supernet's arrays."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        mid = layer.mid_channels
        if layer.has_expansion:
            self.expand = nn.Conv2d(layer.in_channels, mid, 1, bias=False)
            self.expand_bn = nn.BatchNorm2d(mid)
        self.depthwise = nn.Conv2d(
            mid, mid, layer.kernel, layer.stride, layer.kernel // 2, groups=mid, bias=False
        )
        self.depthwise_bn = nn.BatchNorm2d(mid)
        if layer.se:
            self.se = nn.ModuleDict(
                {
                    "reduce": nn.Conv2d(mid, layer.se_channels, 1),
                    "expand": nn.Conv2d(layer.se_channels, mid, 1),
                }
            )
        self.project = nn.Conv2d(mid, layer.out_channels, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(layer.out_channels)
        self.act = nn.ReLU() if layer.act == "relu" else nn.Hardswish()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        inputs = x
        if self.layer.has_expansion:
            x = self.act(self.expand_bn(self.expand(x)))
        x = self.act(self.depthwise_bn(self.depthwise(x)))
        if self.layer.se:
            gate = nn.functional.relu(self.se["reduce"](nn.functional.adaptive_avg_pool2d(x, 1)))
            x = x * nn.functional.hardsigmoid(self.se["expand"](gate))
        x = self.project_bn(self.project(x))
        return x + inputs if self.layer.skip else x


class Conv(nn.Module):
    """A convolution followed by h-swish, with batch norm between them where the layer has it."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.kernel // 2, bias=False
        )
        self.bn = nn.BatchNorm2d(layer.out_channels) if layer.norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.hardswish(self.bn(self.conv(x)))


class Network(nn.Module):
    """A subnet of plain torch modules, as a user would write and export it."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        first, expand, _, mix, last = (layer for layer in layers if layer.kind != "mbconv")
        self.first_conv = Conv(first)
        self.blocks = nn.Sequential(*(Block(layer) for layer in layers if layer.kind == "mbconv"))
        self.final_expand = Conv(expand)
        self.feature_mix = Conv(mix)
        self.classifier = nn.Linear(last.in_channels, last.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.final_expand(self.blocks(self.first_conv(x)))
        x = self.feature_mix(nn.functional.adaptive_avg_pool2d(x, 1))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def cut_network(layers: Sequence[Layer], weights: Mapping[str, Array]) -> Network:
    """The subnet in torch, in evaluation mode, with these weights."""
    network = Network(layers).eval()
    state = network.state_dict()
    blocks = iter(range(len(layers)))
    for layer in layers:
        place = f"blocks.{next(blocks)}" if layer.kind == "mbconv" else layer.name
        for part in list_shapes(layer):
            state[f"{place}.{part}"] = torch.from_numpy(np.ascontiguousarray(weights[f"{layer.name}.{part}"]))
    network.load_state_dict(state)
    return network


def export(network: Network, image: Array, dynamo: bool) -> bytes:
    """Return the bytes that torch's exporter writes by its defaults."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "model.onnx")
        torch.onnx.export(
            network,
            (torch.from_numpy(image),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamo=dynamo,
            external_data=False,
            verbose=False,
        )
        return path.read_bytes()


def time_build(layers: Sequence[Layer], weights: Mapping[str, Array]) -> float:
    """Return the median time in ms to build a subnet's bytes."""
    times = []
    for _ in range(BUILDS):
        begun = now_ns()
        build_network(layers, weights)
        times.append((now_ns() - begun) / NS_PER_MS)
    return statistics.median(times)


def check_same(model: bytes, other: bytes, image: Array) -> None:
    """Fail unless both models give the same logits, since otherwise the comparison means nothing."""
    np.testing.assert_allclose(run_once(model, image), run_once(other, image), atol=TOLERANCE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=10, help="ABBA blocks for each subnet and exporter")
    blocks = parser.parse_args().blocks
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    exporters = {"TorchScript": False}
    if importlib.util.find_spec("onnxscript"):
        exporters["dynamo"] = True
    rng = np.random.default_rng(0)
    print(
        f"ONNX Runtime {OnnxRuntime().version()}, torch {torch.__version__}, one thread, {blocks} ABBA blocks"
    )
    titles = [f"ratio to torch's {name}" for name in exporters]
    print(
        f"{'architecture':20} {'subnet':10} {'build':>8} {'run':>9}  " + "  ".join(f"{t:29}" for t in titles)
    )
    ratios: dict[str, list[NDArray[np.float64]]] = {name: [] for name in exporters}
    for architecture, subnet in SUBNETS:
        layers = list_layers(find_architecture(architecture), Subnet.parse(subnet))
        weights = draw_weights(layers, rng)
        image = rng.standard_normal((1, 3, layers[0].in_size, layers[0].in_size), np.float32)
        ours = build_network(layers, weights)
        network = cut_network(layers, weights)
        cells = []
        for name, dynamo in exporters.items():
            theirs = export(network, image, dynamo)
            check_same(ours, theirs, image)
            ratios[name].append(compare(ours, theirs, image, blocks))
            cells.append(f"{summarise(ratios[name][-1:], rng)!s:29}")
        latency = time_session(ours, image, OnnxRuntime().spec())
        build = time_build(layers, weights)
        print(
            f"{architecture:20} {subnet:10} {build:5.1f} ms {latency:6.2f} ms  " + "  ".join(cells),
            flush=True,
        )
    means = [f"{summarise(ratios[name], rng)!s:29}" for name in exporters]
    print(f"{'geometric mean':52} " + "  ".join(means) + "\n")
    print_times(REPEATS)


if __name__ == "__main__":
    main()
