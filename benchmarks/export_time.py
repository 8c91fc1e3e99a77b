"""Time from a supernet's arrays to the files of each runtime's bundle, against a limit.

    python -m benchmarks.export_time [--repeats 5]

It exports subnets of the supernet that ships, and of the ImageNet architecture with random weights. Each time is the
median of its repeats. The first export of a runtime, which also imports it, is not counted. TensorRT for RTX builds for
a GPU that this machine need not have. A runtime that is not installed says so. The exit code is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from compofa_deploy.export.writers import find_writer
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.shapes import list_supernet_shapes
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import now_ns
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.tensorrt.runtime import TensorRt

SHIPPED = ("22222@24", "34343@28", "44444@32")
IMAGENET = ("22222@160", "34343@192", "44444@224")
CAPABILITY = "8.6"
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A form to export to, and the limit of its time in ms."""

    name: str
    limit_ms: float
    find_spec: Callable[[], DeviceSpec]


def _find_spec(runtime: str, precision: str = "", graph_level: str = "") -> Callable[[], DeviceSpec]:
    return lambda: find_runtime(runtime).spec(
        DeviceRequest(runtime, precision=precision, graph_level=graph_level)
    )


def _find_target(precision: str) -> Callable[[], DeviceSpec]:
    return lambda: cast(TensorRt, find_runtime("tensorrt_rtx")).engine_spec(
        precision=precision, capability=CAPABILITY
    )


TARGETS = (
    Target("ONNX", 100, _find_spec("onnxruntime")),
    Target("OpenVINO IR f32", 2_000, _find_spec("openvino", "f32")),
    Target("OpenVINO IR f16", 2_000, _find_spec("openvino", "f16")),
    Target("ORT format for Arm", 5_000, _find_spec("onnxruntime_mobile", graph_level="arm")),
    Target("ORT format for x86", 5_000, _find_spec("onnxruntime_mobile", graph_level="amd64")),
    Target("TensorRT-RTX engine f32", 10_000, _find_target("f32")),
    Target("TensorRT-RTX engine f16", 10_000, _find_target("f16")),
)


def time_exports(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec, repeats: int) -> float:
    """Return the median time in ms from the supernet's arrays to the bytes of all files of a model."""
    writer, times = find_writer(spec.runtime), []
    for _ in range(repeats):
        begun = now_ns()
        writer.write_model(supernet, subnet, spec)
        times.append((now_ns() - begun) / NS_PER_MS)
    return statistics.median(times)


def draw_supernet(name: str) -> StoredSupernet:
    """Return a supernet with random weights, whose smaller kernels are cut from the largest.

    The time of an export does not depend on the weights.
    """
    architecture, shipped = find_architecture(name), load_supernet()
    layers = list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1]))
    arrays = draw_weights(layers, np.random.default_rng(0))
    for array, shape in list_supernet_shapes(architecture).items():
        arrays.setdefault(array, np.eye(shape[0], dtype=np.float32))
    labels = tuple(f"class {i}" for i in range(architecture.classes))
    return StoredSupernet(architecture, arrays, None, shipped.preprocess, labels)


def print_target(target: Target, supernets: Sequence[tuple[StoredSupernet, str]], repeats: int) -> bool:
    """Print one row: the time of every subnet, the limit, and whether the slowest keeps it, which is returned."""
    try:
        spec = target.find_spec()
        find_writer(spec.runtime).write_model(supernets[0][0], Subnet.parse(supernets[0][1]), spec)
    except CompofaError as error:
        print(f"{target.name:24} not here: {error}", flush=True)
        return True
    times = [time_exports(supernet, Subnet.parse(subnet), spec, repeats) for supernet, subnet in supernets]
    kept = max(times) < target.limit_ms
    cells = " ".join(f"{ms:>10.0f}" for ms in times)
    print(f"{target.name:24} {cells}  {target.limit_ms:>8.0f}  {'kept' if kept else 'BROKEN'}", flush=True)
    return kept


def print_times(repeats: int) -> bool:
    """Print the whole table, and return whether every limit is kept."""
    shipped, imagenet = load_supernet(), draw_supernet("mbv3-w1.0-imagenet")
    supernets = [*((shipped, subnet) for subnet in SHIPPED), *((imagenet, subnet) for subnet in IMAGENET)]
    print(f"from a supernet's arrays to a model's files, ms, median of {repeats}")
    heads = " ".join(f"{subnet:>10}" for _, subnet in supernets)
    print(f"{'':24} {heads}  {'under':>8}")
    kept = [print_target(target, supernets, repeats) for target in TARGETS]
    return all(kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help="exports of each subnet")
    sys.exit(0 if print_times(parser.parse_args().repeats) else 1)


if __name__ == "__main__":
    main()
