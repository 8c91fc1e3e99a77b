from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest

from compofa_deploy.export.export import draw_reference_images
from compofa_deploy.export.writers import find_tolerance
from compofa_deploy.graph.form import PLAIN, GraphForm, choose_form
from compofa_deploy.graph.network import build_layer, build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import list_layers, sample_compound
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from latency_tables.errors import FormatError

LAYERS = list_layers(find_architecture("mbv3-w0.75-cifar10"), Subnet.compound((2, 3, 2, 3, 2), 24))
WEIGHTS = draw_weights(LAYERS, np.random.default_rng(0))
IMAGE = np.random.default_rng(1).standard_normal((1, 3, 24, 24)).astype(np.float32)
FORMS = [GraphForm("f16"), GraphForm("f32", spreads_gate=False), GraphForm("f16", spreads_gate=False)]
ROUNDING = {"f32": 1e-4, "f16": 0.006}


def read(model: bytes) -> onnx.ModelProto:
    proto = onnx.load_from_string(model)
    onnx.checker.check_model(proto, full_check=True)
    return proto


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", [1, 2, None])
def test_every_form_gives_the_references_logits(run_onnx, form: GraphForm, batch: int | None) -> None:
    images = np.concatenate([IMAGE] * (batch or 3))
    model = build_network(LAYERS, WEIGHTS, batch=batch, form=form)
    expected = run_reference(LAYERS, WEIGHTS, images)
    logits = run_onnx(model, images)
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() <= ROUNDING[form.precision] * max(1, np.abs(expected).max())


def test_in_f16_ten_random_trained_subnets_give_the_references_logits(run_onnx) -> None:
    supernet, rng = load_supernet(), np.random.default_rng(3)
    for _ in range(10):
        subnet = sample_compound(rng, int(rng.choice(supernet.architecture.resolutions)))
        images = supernet.preprocess.normalise(draw_reference_images(subnet.resolution))
        layers, weights = supernet.layers_of(subnet), supernet.weights_of(subnet)
        expected = run_reference(layers, weights, images)
        form = choose_form("tensorrt", "f16")
        logits = run_onnx(build_network(layers, weights, batch=None, form=form), images)
        assert np.abs(logits - expected).max() <= find_tolerance("f16") * np.abs(expected).max()
        np.testing.assert_array_equal(logits.argmax(1), expected.argmax(1))


def test_the_plain_form_is_the_default() -> None:
    assert build_network(LAYERS, WEIGHTS, form=PLAIN) == build_network(LAYERS, WEIGHTS)


@pytest.mark.parametrize("spreads_gate", [True, False])
def test_in_f16_only_the_image_and_the_logits_are_in_f32(spreads_gate: bool) -> None:
    graph = onnx.shape_inference.infer_shapes(
        read(build_network(LAYERS, WEIGHTS, form=GraphForm("f16", spreads_gate)))
    ).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    assert set(types.values()) == {onnx.TensorProto.FLOAT16}
    assert {graph.input[0].type.tensor_type.elem_type, graph.output[0].type.tensor_type.elem_type} == {
        onnx.TensorProto.FLOAT
    }
    assert [node.op_type for node in graph.node].count("Cast") == 2


def test_a_form_that_leaves_the_gate_to_broadcast_has_no_resize() -> None:
    operators = Counter(node.op_type for node in read(build_network(LAYERS, WEIGHTS)).graph.node)
    broadcast = build_network(LAYERS, WEIGHTS, form=GraphForm(spreads_gate=False))
    others = Counter(node.op_type for node in read(broadcast).graph.node)
    assert operators - others == Counter(Resize=operators["Resize"])
    assert operators["Resize"] > 0


@pytest.mark.parametrize("layer", LAYERS[:3] + LAYERS[-3:], ids=lambda layer: layer.name)
def test_a_layer_alone_is_written_in_a_form_as_well(run_onnx, layer) -> None:
    weights = {name: array for name, array in WEIGHTS.items() if name.startswith(f"{layer.name}.")}
    image = np.random.default_rng(2).standard_normal((1, layer.in_channels, layer.in_size, layer.in_size))
    expected = run_reference([layer], weights, image)
    given = run_onnx(build_layer(layer, weights, form=GraphForm("f16")), image.astype(np.float32))
    np.testing.assert_allclose(given.reshape(expected.shape), expected, atol=0.01 * np.abs(expected).max())


def test_a_number_that_f16_does_not_have_is_named() -> None:
    name = next(name for name in WEIGHTS if name.endswith("classifier.bias"))
    weights = {**WEIGHTS, name: np.full_like(WEIGHTS[name], 1e6)}
    build_network(LAYERS, weights)
    with pytest.raises(FormatError, match=r"array classifier/bias has numbers beyond float16's largest"):
        build_network(LAYERS, weights, form=GraphForm("f16"))


@pytest.mark.parametrize(
    ("runtime", "precision", "form"),
    [
        ("onnxruntime", "f32", PLAIN),
        ("openvino", "f16", PLAIN),
        ("tensorrt", "f32", GraphForm("f32", spreads_gate=False)),
        ("tensorrt_rtx", "tf32", GraphForm("f32", spreads_gate=False)),
        ("tensorrt_rtx", "f16", GraphForm("f16", spreads_gate=False)),
    ],
)
def test_a_runtime_that_computes_in_the_graphs_types_gets_them(
    runtime: str, precision: str, form: GraphForm
) -> None:
    assert choose_form(runtime, precision) == form
