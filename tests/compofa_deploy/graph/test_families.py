"""In every family, a layer's graph, its reference and its torch module agree, and its counts are right."""

import numpy as np
import onnx
import pytest

from compofa_deploy.graph.network import build_layer, build_network
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import FAMILIES
from compofa_deploy.space.layers import count_params, list_layers
from compofa_deploy.supernet.cut import cut_weights
from tests.compofa_deploy.graph.conftest import TorchSupernet
from tests.support.subnets import sample_any

SMALL = {
    "mbv3": Architecture("mbv3", 0.25, 5, 2, (32, 45)),
    "mbv3_d4e6k7": Architecture("teacher", 0.25, 5, 2, (32, 45), "mbv3_d4e6k7", elastic_kernel=False),
    "proxyless": Architecture("proxyless", 0.25, 5, 2, (32, 45), "proxyless"),
    "resnet50d": Architecture("resnet50d", 0.1, 5, 2, (32, 45), "resnet50d", elastic_kernel=False),
}
KINDS = {
    "mbv3": {"conv", "mbconv", "pool", "linear"},
    "mbv3_d4e6k7": {"conv", "mbconv", "pool", "linear"},
    "proxyless": {"conv", "mbconv", "pool", "linear"},
    "resnet50d": {"conv", "max_pool", "bottleneck", "pool", "linear"},
}


@pytest.fixture(scope="module", params=FAMILIES)
def family_supernet(request):
    return TorchSupernet(SMALL[request.param])


def draw_layers(supernet, side, seed=0):
    """The layers of a random subnet that is deep enough to have them all."""
    choices = FAMILIES[supernet.architecture.family].CHOICES
    rng = np.random.default_rng(seed)
    while True:
        subnet = sample_any(rng, side, choices)
        if subnet.depths[0] == max(choices.depths[0]):
            return list_layers(supernet.architecture, subnet)


@pytest.mark.parametrize("side", [32, 45], ids=["even", "odd"])
def test_each_layer_alone_gives_what_torchs_gives(family_supernet, run_onnx, side):
    layers = draw_layers(family_supernet, side)
    weights = cut_weights(family_supernet.arrays, layers)
    assert {layer.kind for layer in layers} == KINDS[family_supernet.architecture.family]
    for layer in layers:
        shape = (2, layer.in_channels, layer.in_size, layer.in_size)
        features = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        expected = family_supernet.run([layer], features)
        if layer.kind != "linear":
            assert expected.shape == (2, layer.out_channels, layer.out_size, layer.out_size)
        for found in (
            run_onnx(build_layer(layer, weights, 2), features),
            run_reference([layer], weights, features),
        ):
            np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4, err_msg=layer.key)


@pytest.mark.parametrize("side", [32, 45], ids=["even", "odd"])
def test_whole_subnets_give_what_torchs_give(family_supernet, run_onnx, side):
    images = np.random.default_rng(2).standard_normal((2, 3, side, side)).astype(np.float32)
    for seed in range(4):
        layers = draw_layers(family_supernet, side, seed)
        weights = cut_weights(family_supernet.arrays, layers)
        expected = family_supernet.run(layers, images)
        scale = np.abs(expected).max()
        assert np.abs(run_reference(layers, weights, images) - expected).max() <= 1e-5 * scale
        assert (
            np.abs(run_onnx(build_network(layers, weights, batch=2), images) - expected).max() <= 1e-4 * scale
        )


def test_what_the_layers_count_is_what_their_arrays_hold(family_supernet):
    layers = draw_layers(family_supernet, 32)
    cut = cut_weights(family_supernet.arrays, layers)
    assert sum(array.size for name, array in cut.items() if "running" not in name) == count_params(layers)


def test_the_bounds_of_relu6_are_scalars_as_the_operator_wants_them():
    supernet = TorchSupernet(SMALL["proxyless"])
    layers = draw_layers(supernet, 32)
    graph = onnx.load_from_string(build_network(layers, cut_weights(supernet.arrays, layers))).graph
    held = {array.name: array for array in graph.initializer}
    clips = [node for node in graph.node if node.op_type == "Clip"]
    assert len(clips) == sum(
        2 if layer.has_expansion else 1 for layer in layers if layer.kind in ("conv", "mbconv")
    )
    for node in clips:
        assert [onnx.numpy_helper.to_array(held[name]).tolist() for name in node.input[1:]] == [0.0, 6.0]
