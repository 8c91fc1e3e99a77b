"""Build time of TensorRT engines, for GPUs that this machine need not have.

    python -m benchmarks.engine_build [--subnet 23344@32] [--repeats 3]

It builds in two precisions for two compute capabilities, from the supernet that ships. Each time is the median of its
repeats, from the supernet's arrays to the engine's bytes. The last column shows the cost of the form of
squeeze-and-excitation that suits ONNX Runtime's CPU: the layers and bytes that a gate expanded by a Resize adds.
"""

from __future__ import annotations

import argparse
import statistics
from typing import cast

from compofa_deploy.graph.form import GraphForm, choose_form
from compofa_deploy.graph.network import build_network
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet
from latency_tables.device import DeviceSpec
from latency_tables.units import NS_PER_S
from profilers.machine.clock import now_ns
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.tensorrt.build import BuiltEngine
from profilers.runtimes.tensorrt.runtime import TensorRt

PRECISIONS = ("f32", "f16")
CAPABILITIES = ("8.6", "12.0")


def build(supernet: StoredSupernet, subnet: Subnet, spec: DeviceSpec, form: GraphForm) -> BuiltEngine:
    """Return the engine of a subnet, built from the supernet's arrays."""
    layers, weights = supernet.layers_of(subnet), supernet.weights_of(subnet)
    graph = build_network(layers, weights, batch=spec.batch, form=form)
    return cast(TensorRt, find_runtime(spec.runtime)).build(graph, spec)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subnet", default="23344@32", help="a subnet of the supernet that ships")
    parser.add_argument("--repeats", type=int, default=3, help="builds of each engine")
    given = parser.parse_args()
    subnet, supernet = Subnet.parse(given.subnet), load_supernet()
    runtime = cast(TensorRt, find_runtime("tensorrt_rtx"))
    print(f"{runtime.name} {runtime.version_impl()}, {subnet}, {given.repeats} builds of each")
    print(f"{'precision':10} {'capability':11} {'build':>8} {'engine':>9}  {'with spread gates':>17}")
    for precision in PRECISIONS:
        for capability in CAPABILITIES:
            spec = runtime.engine_spec(precision=precision, capability=capability)
            form = choose_form(spec.runtime, precision)
            seconds = []
            for _ in range(given.repeats):
                begun = now_ns()
                built = build(supernet, subnet, spec, form)
                seconds.append((now_ns() - begun) / NS_PER_S)
            spread = build(supernet, subnet, spec, GraphForm(form.precision, spreads_gate=True))
            print(
                f"{precision:10} {capability:11} {statistics.median(seconds):6.2f} s {len(built.data) / 1e6:6.2f} MB  "
                f"{len(spread.data) / 1e6:6.2f} MB, {spread.layers - built.layers:+d} layers",
                flush=True,
            )


if __name__ == "__main__":
    main()
