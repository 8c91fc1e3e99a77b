"""Weights that numpy cuts are those that the torch module runs with, and a missing or small array is named."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.layers import largest_subnet, list_layers  # noqa: E402
from compofa_deploy.supernet.cut import cut_kernel, cut_weights, list_shapes  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from latency_tables.errors import FormatError  # noqa: E402
from latency_tables.layer import Layer  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402

TINY = Architecture("tiny", 0.25, 4, 1, (16, 24))


@pytest.fixture(scope="module")
def supernet():
    net = Supernet(TINY)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "matrix_" in name:
                value.add_(0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
    return net.eval()


@pytest.fixture
def arrays(supernet):
    return {name: value.detach().numpy().copy() for name, value in supernet.state_dict().items()}


def test_a_subnet_gets_exactly_the_arrays_and_shapes_that_its_layers_need(arrays, rng):
    for _ in range(5):
        layers = list_layers(TINY, sample_any(rng, 24))
        cut = cut_weights(arrays, layers)
        needed = {
            f"{layer.name}.{part}": shape for layer in layers for part, shape in list_shapes(layer).items()
        }
        assert {name: array.shape for name, array in cut.items()} == needed


def test_the_parameters_of_the_cut_arrays_are_those_that_the_layers_count(arrays, rng):
    layers = list_layers(TINY, sample_any(rng, 24))
    cut = cut_weights(arrays, layers)
    for layer in layers:
        trained = [a.size for n, a in cut.items() if n.startswith(f"{layer.name}.") and "running" not in n]
        assert sum(trained) == layer.params


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("channels", [8, 16])
def test_kernels_are_cut_as_the_module_cuts_them(supernet, arrays, kernel, channels):
    found = cut_kernel(arrays, "blocks.5.depthwise.weight", channels, kernel)
    with torch.no_grad():
        expected = supernet.blocks[5].depthwise.cut(channels, kernel).numpy()
    assert found.shape == (channels, 1, kernel, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_a_kernel_cut_by_identity_matrices_is_the_centre():
    weight = np.arange(2 * 49, dtype=np.float32).reshape(2, 1, 7, 7)
    arrays = {
        "b.depthwise.weight": weight,
        "b.depthwise.matrix_7to5": np.eye(25, dtype=np.float32),
        "b.depthwise.matrix_5to3": np.eye(9, dtype=np.float32),
    }
    assert np.array_equal(cut_kernel(arrays, "b.depthwise.weight", 2, 3), weight[:, :, 2:5, 2:5])


def test_the_first_channels_are_taken(arrays):
    narrow = Layer("blocks.0", "mbconv", 8, 8, 24, 24, mid_channels=8, kernel=3, act="relu", skip=True)
    cut = cut_weights(arrays, [narrow])
    assert np.array_equal(cut["blocks.0.project.weight"], arrays["blocks.0.project.weight"][:8, :8])


def test_slices_are_views(arrays):
    cut = cut_weights(arrays, list_layers(TINY, largest_subnet(TINY, 24)))
    assert all(np.shares_memory(array, arrays[name]) for name, array in cut.items())


def test_a_missing_array_is_named(arrays):
    layers = list_layers(TINY, largest_subnet(TINY, 24))
    del arrays["blocks.3.project_bn.bias"]
    with pytest.raises(FormatError, match=r"no array blocks\.3\.project_bn\.bias"):
        cut_weights(arrays, layers)


@pytest.mark.parametrize("name", ["classifier.weight", "blocks.5.expand.weight", "blocks.5.depthwise.weight"])
def test_an_array_that_is_too_small_is_named_with_both_shapes(arrays, name):
    arrays[name] = arrays[name][:-1]
    with pytest.raises(FormatError, match=rf"array {name} of the supernet is .*; the subnet needs "):
        cut_weights(arrays, list_layers(TINY, largest_subnet(TINY, 24)))


def test_an_array_of_another_rank_is_named(arrays):
    arrays["blocks.5.project.weight"] = arrays["blocks.5.project.weight"][..., 0]
    with pytest.raises(FormatError, match=r"blocks\.5\.project\.weight"):
        cut_weights(arrays, list_layers(TINY, largest_subnet(TINY, 24)))


def test_a_kernel_that_the_weights_cannot_give_is_named(arrays):
    with pytest.raises(FormatError, match="needs 9x9"):
        cut_kernel(arrays, "blocks.5.depthwise.weight", 8, 9)
    del arrays["blocks.5.depthwise.matrix_5to3"]
    with pytest.raises(FormatError, match=r"no blocks\.5\.depthwise\.matrix_5to3"):
        cut_kernel(arrays, "blocks.5.depthwise.weight", 8, 3)
