from __future__ import annotations

import copy

import numpy as np
import pytest

from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import list_layers, sample_compound
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import cut_weights
from tests.support.subnets import sample_any


def run_torch_in_float64(supernet, layers, images):
    wide = copy.copy(supernet)
    wide.module = copy.deepcopy(supernet.module)
    return wide.run(layers, images)


def test_is_torch_in_float64(supernet):
    rng = np.random.default_rng(5)
    for resolution in supernet.architecture.resolutions:
        # Cutting an elastic kernel rounds to float32; a fixed one is cut without arithmetic.
        exact = not supernet.architecture.elastic_kernel
        layers = list_layers(
            supernet.architecture, (sample_compound if exact else sample_any)(rng, resolution)
        )
        images = rng.standard_normal((2, 3, resolution, resolution))
        expected = run_torch_in_float64(supernet, layers, images)
        actual = run_reference(layers, cut_weights(supernet.arrays, layers), images)
        assert actual.dtype == np.float64
        np.testing.assert_allclose(actual, expected, atol=1e-10 if exact else 1e-5, rtol=0)


def test_gives_features_where_the_run_ends_before_the_classifier(supernet):
    layers = list_layers(supernet.architecture, Subnet.compound((2, 2, 2, 2, 2), 32))[:6]
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32))
    features = run_reference(layers, cut_weights(supernet.arrays, layers), images)
    assert features.shape == (2, layers[-1].out_channels, layers[-1].out_size, layers[-1].out_size)
    np.testing.assert_allclose(features, run_torch_in_float64(supernet, layers, images), atol=1e-5, rtol=0)


def test_runs_of_layers_compose():
    layers = list_layers(find_architecture("mbv3-w0.75-cifar10"), Subnet.compound((2, 2, 2, 2, 2), 24))
    weights = draw_weights(layers, np.random.default_rng(0))
    images = np.random.default_rng(1).standard_normal((1, 3, 24, 24))
    halfway = run_reference(layers[:7], weights, images)
    whole = run_reference(layers, weights, images)
    np.testing.assert_array_equal(run_reference(layers[7:], weights, halfway), whole)


@pytest.mark.parametrize("count", [1, 3])
def test_images_do_not_depend_on_each_other(count):
    layers = list_layers(find_architecture("mbv3-w0.75-cifar10"), Subnet.compound((2, 2, 2, 2, 2), 24))
    weights = draw_weights(layers, np.random.default_rng(0))
    images = np.random.default_rng(1).standard_normal((3, 3, 24, 24))
    whole = run_reference(layers, weights, images)
    np.testing.assert_allclose(
        run_reference(layers, weights, images[:count]), whole[:count], rtol=0, atol=1e-12
    )
