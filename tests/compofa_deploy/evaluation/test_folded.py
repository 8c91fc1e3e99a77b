"""Folded layers give what the supernet in torch gives with the same statistics."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation.folded import FoldedLayers  # noqa: E402
from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.layers import largest_subnet, list_layers, sample_compound  # noqa: E402
from compofa_deploy.space.subnet import Subnet  # noqa: E402
from compofa_deploy.supernet.cut import cut_weights  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402
from tests.support.supernets import TINY  # noqa: E402

ELASTIC = Architecture("tiny-elastic", 0.25, 4, 2, (32,))


def make_module(architecture):
    """A supernet in evaluation mode, with statistics and affine parameters away from 0 and 1."""
    module = Supernet(architecture).eval()
    rng = np.random.default_rng(0)
    state = module.state_dict()
    for name, tensor in state.items():
        if name.endswith(("running_mean", "bias")):
            tensor.copy_(torch.from_numpy(0.2 * rng.standard_normal(tensor.shape)))
        elif name.endswith("running_var") or "bn.weight" in name:
            tensor.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, tensor.shape)))
    return module


def draw_batch(side, count=3):
    rng = np.random.default_rng(side)
    batch = torch.from_numpy(rng.standard_normal((count, 3, side, side)).astype(np.float32))
    return batch.contiguous(memory_format=torch.channels_last)


def list_subnets(architecture, side):
    rng = np.random.default_rng(3)
    sample = sample_any if architecture.elastic_kernel else sample_compound
    return [
        Subnet.compound((2,) * 5, side),
        largest_subnet(architecture, side),
        *(sample(rng, side) for _ in range(3)),
    ]


@pytest.mark.parametrize(("architecture", "side"), [(TINY, 16), (TINY, 20), (ELASTIC, 32)])
def test_folded_layers_give_the_supernets_logits(architecture, side):
    module = make_module(architecture)
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    batch = draw_batch(side)
    for subnet in list_subnets(architecture, side):
        layers = list_layers(architecture, subnet)
        with torch.no_grad():
            expected = module(batch, layers).numpy()
        found = FoldedLayers(layers, cut_weights(arrays, layers))(batch.clone()).numpy()
        assert found.shape == (3, architecture.classes)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_units_one_behind_the_other_give_what_they_give_together():
    module = make_module(TINY)
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    layers = list_layers(TINY, Subnet.compound((2, 3, 4, 3, 2), 16))
    whole = FoldedLayers(layers, cut_weights(arrays, layers))(draw_batch(16))
    x = draw_batch(16)
    for start in range(0, len(layers), 4):
        part = layers[start : start + 4]
        x = FoldedLayers(part, cut_weights(arrays, part))(x)
    np.testing.assert_array_equal(x.numpy(), whole.numpy())


def test_running_leaves_the_input_as_it_was():
    module = make_module(TINY)
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    layers = list_layers(TINY, Subnet.compound((2,) * 5, 16))
    folded = FoldedLayers(layers, cut_weights(arrays, layers))
    batch = draw_batch(16)
    before = batch.clone()
    folded(batch)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("stage", [0, 1, 2, 3, 4])
def test_a_stages_input_is_left_as_it_was_so_that_its_choices_may_share_it(stage):
    module = make_module(TINY)
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    layers = list_layers(TINY, largest_subnet(TINY, 16))
    blocks = [layer for layer in layers if layer.kind == "mbconv"][1 + 4 * stage : 5 + 4 * stage]
    rng = np.random.default_rng(0)
    first = blocks[0]
    features = rng.standard_normal((2, first.in_channels, first.in_size, first.in_size)).astype(np.float32)
    x = torch.from_numpy(features.copy()).contiguous(memory_format=torch.channels_last)
    FoldedLayers(blocks, cut_weights(arrays, blocks))(x)
    np.testing.assert_array_equal(x.numpy(), features)
