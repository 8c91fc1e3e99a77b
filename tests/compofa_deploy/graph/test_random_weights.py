from __future__ import annotations

import zlib

import numpy as np
import pytest

from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_repeating_weights, draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import cut_weights

CIFAR = find_architecture("mbv3-w0.75-cifar10")


def test_are_all_that_a_subnet_is_cut_into():
    layers = list_layers(CIFAR, Subnet.compound((2, 3, 4, 3, 2), 24))
    weights = draw_weights(layers, np.random.default_rng(0))
    cut = cut_weights(weights, layers)
    assert weights.keys() == cut.keys()
    assert all(weights[name].shape == cut[name].shape for name in cut)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_are_the_same_for_the_same_generator():
    layers = list_layers(CIFAR, Subnet.compound((2, 2, 2, 2, 2), 24))
    first, second = (draw_weights(layers, np.random.default_rng(4)) for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize("draw", [draw_weights, draw_repeating_weights])
@pytest.mark.parametrize("depth", [2, 4])
def test_keep_activations_in_range(depth, draw):
    layers = list_layers(CIFAR, Subnet.compound((depth,) * 5, 32))
    rng = np.random.default_rng(0)
    weights = draw(layers, rng)
    features = rng.standard_normal((1, 3, 32, 32))
    for layer in layers:
        features = run_reference([layer], weights, features)
        assert 1e-2 < np.abs(features).mean() < 1e2


def test_that_repeat_make_a_small_zip_of_a_model_with_batch_norm_folded():
    layers = list_layers(CIFAR, Subnet.compound((4,) * 5, 24))
    model, repeating = (
        build_network(layers, draw(layers, np.random.default_rng(0)))
        for draw in (draw_weights, draw_repeating_weights)
    )
    assert len(repeating) == len(model)
    assert len(zlib.compress(repeating)) < 0.1 * len(model) < len(zlib.compress(model))
