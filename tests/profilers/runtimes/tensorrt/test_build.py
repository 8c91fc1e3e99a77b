"""Engines are really built here, by TensorRT-RTX, which needs no GPU for that."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest

from compofa_deploy.graph.form import GraphForm
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError, MeasurementError, MismatchError
from profilers.runtimes.tensorrt.build import (
    AMPERE_PLUS,
    SAME_CAPABILITY,
    BuildOptions,
    build_engine,
    check_options,
    list_capabilities,
)
from profilers.runtimes.tensorrt.flavour import CLASSIC, RTX
from tests.support.tensorrt import CAPABILITIES, needs_rtx

LAYERS = list_layers(find_architecture("mbv3-w0.75-cifar10"), Subnet.compound((2, 2, 2, 2, 2), 24))
WEIGHTS = draw_weights(LAYERS, np.random.default_rng(0))


def make_graph(precision: str, batch: int | None = 1) -> bytes:
    return build_network(LAYERS, WEIGHTS, batch=batch, form=GraphForm(precision, spreads_gate=False))


GRAPHS = {precision: make_graph(precision) for precision in ("f32", "f16")}


def count_weights(graph: bytes, engine: bytes) -> tuple[int, int]:
    """How many of a graph's large arrays are in an engine as they are, and how many there are."""
    arrays = [array.raw_data for array in onnx.load_from_string(graph).graph.initializer]
    large = [data for data in arrays if len(data) > 4000]
    return sum(data in engine for data in large), len(large)


@needs_rtx
@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_an_engine_holds_the_weights_in_the_precision_asked_for(precision: str, capability: str) -> None:
    built = build_engine(RTX, GRAPHS[precision], BuildOptions(precision, capability=capability))
    other = GRAPHS["f16" if precision == "f32" else "f32"]
    found, count = count_weights(GRAPHS[precision], built.data)
    assert found > 0.8 * count > 0
    assert count_weights(other, built.data)[0] == 0
    assert built.layers > len(LAYERS)


@needs_rtx
def test_the_same_graph_gives_the_same_engine() -> None:
    options = BuildOptions("f16", capability="8.6")
    assert build_engine(RTX, GRAPHS["f16"], options) == build_engine(RTX, GRAPHS["f16"], options)


@needs_rtx
def test_tf32_is_another_engine_than_f32() -> None:
    exact, loose = (
        build_engine(RTX, GRAPHS["f32"], BuildOptions(precision, capability="8.6")).data
        for precision in ("f32", "tf32")
    )
    assert exact != loose


@needs_rtx
@pytest.mark.parametrize("batch", [1, 4])
def test_a_graph_whose_batch_is_open_is_built_for_batches_up_to_one(batch: int) -> None:
    graph = make_graph("f16", batch=None)
    assert build_engine(RTX, graph, BuildOptions("f16", batch, "8.6")).data


@needs_rtx
def test_a_graph_in_another_precision_is_refused_and_its_layer_named() -> None:
    for have, asked, word in (("f16", "f32", "half"), ("f32", "f16", "float"), ("f16", "tf32", "half")):
        with pytest.raises(MismatchError, match=rf"layer \S+ is in {word}, and {asked} was asked for"):
            build_engine(RTX, GRAPHS[have], BuildOptions(asked, capability="8.6"))


@needs_rtx
@pytest.mark.parametrize("broken", [b"", b"not a graph", GRAPHS["f32"][:2000]])
def test_what_is_no_graph_is_refused_in_one_line(broken: bytes) -> None:
    with pytest.raises(MeasurementError, match="cannot read the graph: ") as caught:
        build_engine(RTX, broken, BuildOptions(capability="8.6"))
    assert len(str(caught.value).splitlines()) == 1


@needs_rtx
def test_a_capability_without_the_graphs_operators_is_refused_and_others_named() -> None:
    with pytest.raises(
        InputError, match=r"in f32 for compute capability 7\.5: .*FP32 GEMM.*or for one of 8\.0, 8\.6"
    ):
        build_engine(RTX, GRAPHS["f32"], BuildOptions(capability="7.5"))
    assert build_engine(RTX, GRAPHS["f16"], BuildOptions("f16", capability="7.5")).data


@needs_rtx
def test_a_capability_that_is_not_built_for_is_refused_and_those_that_are_named() -> None:
    assert set(CAPABILITIES) < set(list_capabilities(RTX))
    with pytest.raises(
        InputError, match=r"nothing for compute capability 9\.0; it builds for 7\.5, 8\.0, 8\.6, 8\.9"
    ):
        check_options(RTX, BuildOptions(capability="9.0"))


@needs_rtx
def test_without_a_gpu_or_a_capability_there_is_nothing_to_build_for() -> None:
    with pytest.raises(MeasurementError, match=r"cannot build an engine in f32: .*CUDA driver"):
        build_engine(RTX, GRAPHS["f32"], BuildOptions())


@pytest.mark.parametrize(
    ("flavour", "options", "message"),
    [
        (CLASSIC, BuildOptions(capability="8.6"), "for the GPU that is here alone; .*tensorrt_rtx"),
        (CLASSIC, BuildOptions("f8"), "no engine in 'f8'; ask for f32, tf32, f16"),
        (CLASSIC, BuildOptions(hardware="all"), "hardware 'all'; ask for exact, same, ampere+"),
        (RTX, BuildOptions(hardware=SAME_CAPABILITY), "ask for the GPU's --compute-capability"),
        (RTX, BuildOptions(hardware=AMPERE_PLUS), "other hardware or versions"),
        (RTX, BuildOptions(version_compatible=True), "other hardware or versions"),
    ],
)
def test_what_a_flavour_cannot_do_is_refused(flavour: Any, options: BuildOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_options(flavour, options)


def test_type_stubs_alone_are_not_taken_for_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", ModuleType("tensorrt"))
    with pytest.raises(ImportError, match="only type stubs"):
        CLASSIC.load()


@needs_rtx
def test_building_ahead_leaves_timing_caches_alone(tmp_path: Path) -> None:
    # TensorRT-RTX has no use for one, and would ask for a GPU to make one.
    path = tmp_path / "timings.bin"
    build_engine(RTX, GRAPHS["f16"], BuildOptions("f16", capability="8.6"), path)
    assert not path.exists()
