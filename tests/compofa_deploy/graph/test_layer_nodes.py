from __future__ import annotations

import numpy as np
import onnx
import pytest

from compofa_deploy.graph.network import build_layer, build_network
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import cut_weights

SUBNET = Subnet.compound((2, 3, 2, 4, 3), 64)
LAYER_COUNT = 20


def draw_features(layer, batch, seed=3):
    shape = (batch, layer.in_channels, layer.in_size, layer.in_size)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("index", range(LAYER_COUNT))
def test_a_layer_alone_gives_what_torchs_layer_gives(elastic_supernet, run_onnx, index):
    layer = list_layers(elastic_supernet.architecture, SUBNET)[index]
    weights = cut_weights(elastic_supernet.arrays, [layer])
    for batch in (1, 2):
        features = draw_features(layer, batch)
        expected = elastic_supernet.run([layer], features)
        actual = run_onnx(build_layer(layer, weights, batch), features)
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=1e-4, rtol=0)


def test_the_subnet_of_this_file_has_every_kind_of_layer(elastic_supernet):
    layers = list_layers(elastic_supernet.architecture, SUBNET)
    assert len(layers) == LAYER_COUNT
    assert {layer.kind for layer in layers} == {"conv", "mbconv", "pool", "linear"}
    assert {(layer.se, layer.skip) for layer in layers if layer.kind == "mbconv"} == {
        (se, skip) for se in (False, True) for skip in (False, True)
    }


def test_a_layer_alone_is_the_same_nodes_as_in_its_network(elastic_supernet):
    layers = list_layers(elastic_supernet.architecture, SUBNET)
    weights = cut_weights(elastic_supernet.arrays, layers)
    network = onnx.load_from_string(build_network(layers, weights)).graph
    for layer in layers:
        alone = onnx.load_from_string(build_layer(layer, weights)).graph
        mine = [node for node in network.node if node.name.split("/")[0] == layer.name]
        assert [(node.name, node.op_type) for node in alone.node] == [(n.name, n.op_type) for n in mine]


def test_a_layer_with_an_open_batch_runs_at_any(elastic_supernet, run_onnx):
    layer = list_layers(elastic_supernet.architecture, SUBNET)[5]
    assert layer.se
    model = build_layer(layer, cut_weights(elastic_supernet.arrays, [layer]), None)
    for batch in (1, 3):
        features = draw_features(layer, batch)
        expected = elastic_supernet.run([layer], features)
        np.testing.assert_allclose(run_onnx(model, features), expected, atol=1e-4, rtol=0)


def test_a_gate_of_features_of_one_pixel_is_not_spread(elastic_supernet):
    layers = list_layers(elastic_supernet.architecture, SUBNET.at(32))
    layer = next(layer for layer in layers if layer.se and layer.out_size == 1)
    nodes = onnx.load_from_string(
        build_layer(layer, cut_weights(elastic_supernet.arrays, [layer]))
    ).graph.node
    assert "Resize" not in {node.op_type for node in nodes}
