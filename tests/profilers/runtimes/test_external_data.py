"""A model that would read a file that no hash covers is refused, wherever it names the file, by every runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from latency_tables.errors import FormatError, MeasurementError
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.paired_worker import PairedWorker, locate
from profilers.measuring.worker import Worker, load
from profilers.runtimes.external_data import check_external_data
from profilers.runtimes.onnxruntime.mobile import convert_to_ort
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import SHAPE, make_external_onnx, make_layered_onnx, make_onnx, set_external

RUNTIMES = ("onnxruntime", "onnxruntime_mobile", "openvino")
IN_A_FILE = r"weights in a file \('secret.bin'\) that no hash covers"


def make_tensor(name: str = "held") -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
    set_external(tensor)
    return tensor


def make_graph() -> onnx.GraphProto:
    return helper.make_graph([], "inner", [], [], [make_tensor()])


def make_sparse(part: str) -> onnx.SparseTensorProto:
    sparse = onnx.SparseTensorProto(dims=[3])
    getattr(sparse, part).CopyFrom(make_tensor())
    return sparse


def add_attribute(model: onnx.ModelProto, **fields: object) -> None:
    model.graph.node[0].attribute.append(onnx.AttributeProto(name="held", **fields))


PLACES: dict[str, Callable[[onnx.ModelProto], object]] = {
    "an initializer": lambda model: model.graph.initializer.append(make_tensor()),
    "a sparse initializer's values": lambda m: m.graph.sparse_initializer.append(make_sparse("values")),
    "a sparse initializer's indices": lambda m: m.graph.sparse_initializer.append(make_sparse("indices")),
    "a constant": lambda model: add_attribute(model, t=make_tensor()),
    "a list of tensors": lambda model: add_attribute(model, tensors=[TensorProto(), make_tensor()]),
    "a sparse constant": lambda model: add_attribute(model, sparse_tensor=make_sparse("values")),
    "a list of sparse tensors": lambda m: add_attribute(m, sparse_tensors=[make_sparse("indices")]),
    "a branch": lambda model: add_attribute(model, g=make_graph()),
    "a list of branches": lambda model: add_attribute(model, graphs=[onnx.GraphProto(), make_graph()]),
    "a branch of a branch": lambda model: add_attribute(
        model, g=helper.make_graph([helper.make_node("If", [], [], then_branch=make_graph())], "g", [], [])
    ),
    "a function": lambda model: model.functions.add().node.append(
        helper.make_node("Constant", [], ["x"], value=make_tensor())
    ),
    "a function's default": lambda model: model.functions.add().attribute_proto.append(
        onnx.AttributeProto(name="held", t=make_tensor())
    ),
    "training": lambda model: model.training_info.add().algorithm.CopyFrom(make_graph()),
    "training's beginning": lambda model: model.training_info.add().initialization.CopyFrom(make_graph()),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_in_a_file_is_found_wherever_it_is(place: str) -> None:
    model = onnx.load_from_string(make_onnx())
    PLACES[place](model)
    with pytest.raises(FormatError, match=IN_A_FILE):
        check_external_data(model.SerializeToString())


@pytest.mark.parametrize("model", [make_onnx(), make_onnx("n"), make_layered_onnx()[0], b""])
def test_a_model_with_its_weights_inside_passes(model: bytes) -> None:
    check_external_data(model)


def test_weights_that_look_like_the_name_of_a_file_are_weights() -> None:
    model = onnx.load_from_string(make_onnx())
    held = make_tensor().SerializeToString()
    model.graph.initializer.append(TensorProto(name="w", raw_data=b"\x70\x01" + held, data_type=1))
    check_external_data(model.SerializeToString())


def as_model(tensor: bytes) -> bytes:
    """A model of one initializer, given by its encoding."""
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    return b"\x3a" + bytes([len(graph)]) + graph


@pytest.mark.parametrize(
    "tensor",
    [
        b"\x70\x01",
        b"\x70\x81\x80\x00",
        b"\x70\x01\x70\x00",
        b"\xf0\x80\x00\x01",
        b"\x70\x81\x80\x80\x80\x10",
        b"\x6a\x00",
    ],
    ids=["alone", "long", "taken back", "long tag", "above 32 bits", "without a name"],
)
def test_the_place_is_understood_in_each_encoding(tensor: bytes) -> None:
    with pytest.raises(FormatError, match="weights in a file that no hash covers"):
        check_external_data(as_model(tensor))


def test_a_graph_in_two_parts_is_read_whole() -> None:
    with pytest.raises(FormatError, match="no hash covers"):
        check_external_data(make_onnx() + as_model(b"\x70\x01"))


@pytest.mark.parametrize(
    "model",
    [
        b"no model",
        b"\x0b\x0c",
        b"\x00\x00",
        b"\x3a\x05\x2a",
        b"\x08",
        b"\x80",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\xf2\x80\x80\x80\x10\x00",
        as_model(b"\x0d\x00"),
    ],
)
def test_what_protobuf_might_read_otherwise_is_no_model(model: bytes) -> None:
    with pytest.raises(ValueError, match="not an ONNX model"):
        check_external_data(model)


@given(st.binary(max_size=300), st.sampled_from([b"", make_onnx()]))
def test_whatever_bytes_it_is_given_it_passes_or_says_why(data: bytes, before: bytes) -> None:
    try:
        check_external_data(before + data)
    except (FormatError, ValueError) as error:
        assert str(error)  # noqa: PT017 - either may come


def test_a_model_may_be_nested_as_deeply_as_it_likes() -> None:
    model = as_model(b"\x70\x01")[2:]
    for _ in range(2000):
        for field in (b"\x32", b"\x2a", b"\x0a"):  # a graph of an attribute of a node of a graph
            model = field + _encode(len(model)) + model
    with pytest.raises(FormatError, match="no hash covers"):
        check_external_data(b"\x3a" + _encode(len(model)) + model)


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_a_part_that_a_provider_compiled_is_refused() -> None:
    model = onnx.load_from_string(make_onnx())
    model.graph.node[0].op_type = "EPContext"
    with pytest.raises(FormatError, match=r"a compiled part \(EPContext\)"):
        check_external_data(model.SerializeToString())
    in_its_own_format = convert_to_ort(make_onnx(), "arm") + b"EPContext"
    for name in ("onnxruntime", "onnxruntime_mobile"):
        with pytest.raises(FormatError, match=r"a compiled part \(EPContext\)"):
            find_runtime(name).check_self_contained(in_its_own_format)


@pytest.mark.parametrize("name", RUNTIMES)
def test_no_runtime_opens_it_though_the_file_is_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = find_runtime(name)
    if not runtime.check().works:
        pytest.skip(f"{name} does not work here")
    monkeypatch.chdir(tmp_path)
    model = make_external_onnx(tmp_path)
    with pytest.raises(FormatError, match=IN_A_FILE):
        runtime.open(model, runtime.spec())
    with pytest.raises(FormatError, match=IN_A_FILE):
        runtime.share_layers(model, runtime.spec(), ["offset"], {"image": np.ones(SHAPE, np.float32)})


def test_it_is_not_converted_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=IN_A_FILE):
        convert_to_ort(make_external_onnx(tmp_path), "amd64")


def test_a_name_within_the_model_does_not_make_it_pass_for_another_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(make_external_onnx(tmp_path))
    model.ClearField("producer_name")
    data = b"\x08\x08\x12\x04ORTM" + model.SerializeToString()
    assert onnx.load_from_string(data).producer_name == "ORTM"
    runtime = find_runtime("onnxruntime")
    with pytest.raises(MeasurementError, match="onnxruntime could not load the model"):
        runtime.open(data, runtime.spec())
    with pytest.raises(FormatError, match=IN_A_FILE):
        find_runtime("openvino").check_self_contained(data)


def test_an_openvino_graph_with_weights_of_its_own_must_be_an_ir() -> None:
    openvino = find_runtime("openvino")
    openvino.check_self_contained(b"<?xml", b"weights")
    openvino.check_self_contained(b"\xef\xbb\xbf<?xml")
    with pytest.raises(FormatError, match="weights in a file that no hash covers"):
        openvino.check_self_contained(
            b'<net><rt_info><__weights_path value="secret.bin" /></rt_info>', b"weights"
        )
    for hidden in (b'<net name="__weights&#95;path" />', "<net />".encode("utf-16-le")):
        with pytest.raises(ValueError, match="an OpenVINO IR is in UTF-8"):
            openvino.check_self_contained(hidden, b"weights")
    with pytest.raises(ValueError, match="not an OpenVINO IR, and so"):
        openvino.check_self_contained(make_onnx(), b"weights")


def test_tensorrt_checks_what_it_would_build_an_engine_from(tmp_path: Path) -> None:
    for name in ("tensorrt", "tensorrt_rtx"):
        with pytest.raises(FormatError, match=IN_A_FILE):
            find_runtime(name).check_self_contained(make_external_onnx(tmp_path))
        find_runtime(name).check_self_contained(b"ftrt, an engine")


def test_a_file_that_was_exchanged_after_it_was_hashed_is_not_run(tmp_path: Path) -> None:
    spec = find_runtime("onnxruntime").spec()
    for name in ("model", "weights"):
        (tmp_path / "model").write_bytes(make_onnx())
        (tmp_path / "weights").write_bytes(b"weights")
        files = ModelPaths.hash(tmp_path / "model", tmp_path / "weights")
        (tmp_path / name).write_bytes(make_onnx(1) + b"\x08\x08")
        request = locate(spec, files, SHAPE)
        for ask in (
            lambda request: Worker({**request, "reference_calls": 1}),
            lambda request: PairedWorker({"pair": {"old": request, "new": request}}),
            load,
        ):
            with pytest.raises(FormatError, match=f"{name}: was changed after its hash was checked"):
                ask(request)
