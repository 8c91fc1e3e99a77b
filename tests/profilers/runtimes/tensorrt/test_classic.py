"""What the classic flavour is asked to build with. It cannot be installed everywhere, so that a recorder stands in for
its builder; that the names exist is checked against its type stubs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from latency_tables.errors import MeasurementError
from profilers.runtimes.tensorrt.build import AMPERE_PLUS, EXACT, SAME_CAPABILITY, BuildOptions, build_engine
from profilers.runtimes.tensorrt.flavour import CLASSIC
from tests.support.cuda import FakeLogger

NAMES = (
    "Builder", "BuilderFlag", "DataType", "HardwareCompatibilityLevel", "ILogger", "LayerType",
    "NetworkDefinitionCreationFlag", "OnnxParser", "ProfilingVerbosity",
)  # fmt: skip


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """A package of TensorRT that records what it is asked for, and builds every graph."""
    api = MagicMock(ILogger=FakeLogger)
    api.NetworkDefinitionCreationFlag.STRONGLY_TYPED = 1
    network = api.Builder.return_value.create_network.return_value
    network.num_layers, network.num_inputs, network.num_outputs = 0, 0, 1
    api.Builder.return_value.build_serialized_network.return_value = b"an engine"
    config = api.Builder.return_value.create_builder_config.return_value
    config.create_timing_cache.side_effect = lambda known: known
    config.set_timing_cache.side_effect = lambda cache, ignore_mismatch: cache != b"of another GPU"
    config.get_timing_cache.return_value.serialize.return_value = b"timed here"
    module: Any = ModuleType("tensorrt")
    module.__dict__.update({name: getattr(api, name) for name in NAMES})
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return api


def find_config(api: MagicMock) -> MagicMock:
    config: MagicMock = api.Builder.return_value.create_builder_config.return_value
    return config


def list_flags(api: MagicMock) -> list[Any]:
    return [call.args[0] for call in find_config(api).set_flag.call_args_list]


@pytest.mark.parametrize(("precision", "cleared"), [("f32", True), ("f16", True), ("tf32", False)])
def test_tf32_is_switched_off_unless_it_is_asked_for(api: MagicMock, precision: str, cleared: bool) -> None:
    assert build_engine(CLASSIC, b"a graph", BuildOptions(precision)).data == b"an engine"
    clear = find_config(api).clear_flag
    assert clear.called == cleared
    if cleared:
        clear.assert_called_once_with(api.BuilderFlag.TF32)


def test_networks_are_strongly_typed(api: MagicMock) -> None:
    build_engine(CLASSIC, b"a graph", BuildOptions())
    api.Builder.return_value.create_network.assert_called_once_with(1 << 1)


@pytest.mark.parametrize("hardware", [EXACT, SAME_CAPABILITY, AMPERE_PLUS])
def test_the_hardware_that_an_engine_fits_is_set(api: MagicMock, hardware: str) -> None:
    before = find_config(api).hardware_compatibility_level
    build_engine(CLASSIC, b"a graph", BuildOptions(hardware=hardware))
    levels = api.HardwareCompatibilityLevel
    expected = {
        EXACT: before,
        SAME_CAPABILITY: levels.SAME_COMPUTE_CAPABILITY,
        AMPERE_PLUS: levels.AMPERE_PLUS,
    }
    assert find_config(api).hardware_compatibility_level is expected[hardware]


@pytest.mark.parametrize("compatible", [True, False])
def test_an_engine_fits_later_versions_where_that_is_asked_for(api: MagicMock, compatible: bool) -> None:
    build_engine(CLASSIC, b"a graph", BuildOptions(version_compatible=compatible))
    assert list_flags(api) == ([api.BuilderFlag.VERSION_COMPATIBLE] if compatible else [])


def test_what_was_timed_is_kept_and_used_again(api: MagicMock, tmp_path: Path) -> None:
    path = tmp_path / "tensorrt" / "timings.bin"
    config = find_config(api)
    for known in (b"", b"timed here"):
        build_engine(CLASSIC, b"a graph", BuildOptions(), path)
        config.set_timing_cache.assert_called_with(known, False)
        assert path.read_bytes() == b"timed here"


def test_timings_of_another_gpu_are_left_out(api: MagicMock, tmp_path: Path) -> None:
    path = tmp_path / "timings.bin"
    path.write_bytes(b"of another GPU")
    build_engine(CLASSIC, b"a graph", BuildOptions(), path)
    assert [call.args[0] for call in find_config(api).set_timing_cache.call_args_list] == [
        b"of another GPU",
        b"",
    ]
    assert path.read_bytes() == b"timed here"


def test_a_machine_that_it_cannot_build_on_is_an_error_that_names_the_mend(api: MagicMock) -> None:
    api.Builder.side_effect = TypeError("factory function returned nullptr")
    with pytest.raises(
        MeasurementError, match="build where there is an NVIDIA GPU, or with --runtime tensorrt_rtx"
    ):
        build_engine(CLASSIC, b"a graph", BuildOptions())


def test_an_engine_that_is_not_built_is_an_error_with_the_reason(api: MagicMock) -> None:
    api.Builder.return_value.build_serialized_network.return_value = None
    with pytest.raises(MeasurementError, match="cannot build an engine in f32: it gives no reason"):
        build_engine(CLASSIC, b"a graph", BuildOptions())
