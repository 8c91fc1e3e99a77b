"""Engines of the classic flavour, which cannot be installed everywhere. A builder stands in for its own that describes
in an engine how it was built; that the real names exist is checked against its type stubs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from latency_tables.errors import MeasurementError, MismatchError
from profilers.runtimes.tensorrt.build import AMPERE_PLUS, EXACT, SAME_CAPABILITY, BuildOptions, build_engine
from profilers.runtimes.tensorrt.flavour import CLASSIC
from tests.support.tensorrt_builder import THIS_GPU, Builder, Network, make_module

GRAPHS = {"f32": b"float conv", "tf32": b"float conv", "f16": b"half conv"}


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = make_module()
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return module


def build(options: BuildOptions, timings: Path | None = None) -> dict[str, Any]:
    """How the engine for these options was built."""
    built = build_engine(CLASSIC, GRAPHS[options.precision], options, timings)
    assert built.layers == 1
    described: dict[str, Any] = json.loads(built.data)
    return described


@pytest.mark.parametrize(("precision", "flags"), [("f32", []), ("f16", []), ("tf32", ["TF32"])])
def test_an_engine_computes_in_tf32_only_where_that_is_asked_for(precision: str, flags: list[str]) -> None:
    assert build(BuildOptions(precision))["flags"] == flags


@pytest.mark.parametrize(
    ("hardware", "level"),
    [(EXACT, "NONE"), (SAME_CAPABILITY, "SAME_COMPUTE_CAPABILITY"), (AMPERE_PLUS, "AMPERE_PLUS")],
)
def test_an_engine_fits_the_hardware_that_is_asked_for(hardware: str, level: str) -> None:
    assert build(BuildOptions(hardware=hardware))["hardware"] == level


@pytest.mark.parametrize(("compatible", "flags"), [(True, ["VERSION_COMPATIBLE"]), (False, [])])
def test_an_engine_fits_later_versions_where_that_is_asked_for(compatible: bool, flags: list[str]) -> None:
    assert build(BuildOptions(version_compatible=compatible))["flags"] == flags


def test_an_engine_can_tell_which_operators_its_layers_were_fused_from() -> None:
    assert build(BuildOptions())["verbosity"] == "DETAILED"


def test_times_of_kernels_are_kept_for_the_next_build(tmp_path: Path) -> None:
    path = tmp_path / "tensorrt" / "timings.bin"
    assert build(BuildOptions(), path)["timings"] == ""
    kept = path.read_bytes()
    assert kept == THIS_GPU + b"conv"
    assert build(BuildOptions(), path)["timings"] == kept.decode()
    assert build(BuildOptions())["timings"] is None


def test_times_of_another_gpu_are_not_used_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "timings.bin"
    path.write_bytes(b"times on another GPU")
    assert build(BuildOptions(), path)["timings"] == ""
    assert path.read_bytes() == THIS_GPU + b"conv"


@pytest.mark.parametrize(("precision", "graph"), [("f32", b"half conv"), ("f16", b"float conv")])
def test_a_graph_of_another_precision_is_refused_by_its_layer(precision: str, graph: bytes) -> None:
    with pytest.raises(MismatchError, match=rf"its layer conv is in (half|float), and {precision} was asked"):
        build_engine(CLASSIC, graph, BuildOptions(precision))


def test_a_machine_that_it_cannot_build_on_is_an_error_that_names_the_fix(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Builder, logger: Any) -> None:
        raise TypeError("factory function returned nullptr")

    monkeypatch.setattr(Builder, "__init__", fail)
    with pytest.raises(
        MeasurementError, match="build where there is an NVIDIA GPU, or with --runtime tensorrt_rtx"
    ):
        build(BuildOptions())


def test_an_engine_that_is_not_built_is_an_error_with_the_reason_that_was_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Builder, "create_network", lambda self, flags: Network(typed=False))
    with pytest.raises(
        MeasurementError, match=r"cannot build an engine in f32: the network is not strongly typed$"
    ):
        build(BuildOptions())
