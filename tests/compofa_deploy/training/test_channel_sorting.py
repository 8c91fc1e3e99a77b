"""Sorting channels: the whole net computes the same, and narrower blocks keep what matters most."""

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.layers import largest_subnet, list_layers  # noqa: E402
from compofa_deploy.space.subnet import Subnet  # noqa: E402
from compofa_deploy.supernet.layer_modules import InvertedResidual  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.training.channel_sorting import sort_channels  # noqa: E402

ARCHITECTURE = Architecture("tiny", 0.5, 4, 1, (16, 24))


@pytest.fixture
def net():
    net = Supernet(ARCHITECTURE)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.ndim == 1:
                value.add_(0.2 * torch.rand(value.shape, generator=generator))
            elif name == "classifier.weight":
                value.mul_(10)
    return net.eval()


def run(net: Supernet, subnet: Subnet):
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return net(images, list_layers(ARCHITECTURE, subnet)).clone()


def test_what_the_largest_subnet_computes_is_unchanged(net):
    subnet = largest_subnet(ARCHITECTURE, 24)
    before = run(net, subnet)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    sort_channels(net)
    assert any(not torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    torch.testing.assert_close(run(net, subnet), before, rtol=1e-4, atol=1e-5)
    assert before.std() > 0.01


def test_every_depth_and_kernel_at_full_width_computes_the_same(net):
    subnet = Subnet((2, 3, 4, 3, 2), (6,) * 20, (3, 5, 7, 5) * 5, 24)
    before = run(net, subnet)
    sort_channels(net)
    torch.testing.assert_close(run(net, subnet), before, rtol=1e-4, atol=1e-5)


def test_the_first_channels_are_those_of_the_largest_weights(net):
    sort_channels(net)
    for block in net.blocks:
        assert isinstance(block, InvertedResidual)
        if block.expand is None:
            continue
        norms = block.project.weight.abs().sum((0, 2, 3))
        assert torch.equal(norms, norms.sort(descending=True).values)
        if block.se is not None:
            squeezed = block.se.reduce.weight.abs().sum((1, 2, 3))
            torch.testing.assert_close(squeezed, squeezed.sort(descending=True).values)


def test_sorting_twice_changes_nothing_more(net):
    sort_channels(net)
    once = {name: value.clone() for name, value in net.state_dict().items()}
    sort_channels(net)
    assert all(torch.equal(value, once[name]) for name, value in net.state_dict().items())


def test_the_first_block_is_left_as_it_is(net):
    before = {name: value.clone() for name, value in net.blocks[0].state_dict().items()}
    sort_channels(net)
    assert all(torch.equal(value, before[name]) for name, value in net.blocks[0].state_dict().items())


def test_channels_that_a_narrower_block_has_stay_its_own(net):
    """Before the last width is trained, what the narrower subnets learned is not torn apart."""
    subnet = Subnet((4,) * 5, (4,) * 20, (7,) * 20, 24)
    narrow, largest = run(net, subnet), run(net, largest_subnet(ARCHITECTURE, 24))
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    sort_channels(net, within=(4,))
    assert any(not torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    torch.testing.assert_close(run(net, subnet), narrow, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run(net, largest_subnet(ARCHITECTURE, 24)), largest, rtol=1e-4, atol=1e-5)
    sort_channels(net)
    assert not torch.allclose(run(net, subnet), narrow, rtol=1e-4, atol=1e-5)
