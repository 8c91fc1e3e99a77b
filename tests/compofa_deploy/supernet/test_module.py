"""The supernet in torch: one module for every subnet."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.layers import count_params, largest_subnet, list_layers, sample_compound  # noqa: E402
from compofa_deploy.space.subnet import Subnet  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402

ELASTIC = Architecture("elastic", 0.25, 4, 2, (32, 48))
FIXED = replace(ELASTIC, name="fixed", elastic_kernel=False)
BOTH = pytest.mark.parametrize("architecture", [ELASTIC, FIXED], ids=lambda a: a.name)


def draw_images(count: int, side: int):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@BOTH
def test_every_subnet_gives_logits_at_every_resolution(architecture, rng):
    net = Supernet(architecture).eval()
    sample = sample_any if architecture.elastic_kernel else sample_compound
    with torch.inference_mode():
        for resolution in (32, 33, 48):
            logits = net(draw_images(2, resolution), list_layers(architecture, sample(rng, resolution)))
            assert logits.shape == (2, 4)
            assert torch.isfinite(logits).all()


def test_the_module_holds_what_its_largest_subnet_counts():
    net = Supernet(FIXED)
    counted = count_params(list_layers(FIXED, largest_subnet(FIXED, 32)))
    assert sum(parameter.numel() for parameter in net.parameters()) == counted


def test_only_elastic_kernels_have_matrices():
    assert not [name for name in Supernet(FIXED).state_dict() if "matrix" in name]
    names = [name for name in Supernet(ELASTIC).state_dict() if "matrix" in name]
    assert len(names) == 2 * 20, "two for each block of the stages, none for the first block"


def test_names_in_the_state_dict_are_layer_and_part():
    net = Supernet(ELASTIC)
    layers = {layer.name for layer in list_layers(ELASTIC, largest_subnet(ELASTIC, 32))}
    for name in net.state_dict():
        owner = ".".join(name.split(".")[:2]) if name.startswith("blocks.") else name.split(".")[0]
        assert owner in layers


def test_a_seed_decides_the_weights():
    nets = [Supernet(ELASTIC) for _ in range(2)]
    nets[0].initialise(torch.Generator().manual_seed(5))
    assert not torch.equal(nets[0].classifier.weight, nets[1].classifier.weight)
    nets[1].initialise(torch.Generator().manual_seed(5))
    for one, other in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_step_on_a_small_subnet_leaves_the_gradient_of_what_it_does_not_use_at_zero():
    net = Supernet(ELASTIC)
    layers = list_layers(ELASTIC, Subnet.compound((2,) * 5, 32))
    net(draw_images(2, 32), layers).sum().backward()
    narrow = next(layer for layer in layers if layer.name == "blocks.5")
    gradient = net.blocks[5].expand.weight.grad
    assert gradient[: narrow.mid_channels].abs().sum() > 0
    assert gradient[narrow.mid_channels :].abs().sum() == 0
    assert net.blocks[7].expand.weight.grad is None, "the third block of the stage did not run"


def test_running_statistics_move_for_the_channels_that_ran_alone():
    net = Supernet(ELASTIC).train()
    layers = list_layers(ELASTIC, Subnet.compound((2,) * 5, 32))
    net(draw_images(4, 32), layers)
    narrow = next(layer for layer in layers if layer.name == "blocks.5").mid_channels
    moved = net.blocks[5].expand_bn.running_mean != 0
    assert moved[:narrow].all()
    assert not moved[narrow:].any()


def test_evaluation_is_the_same_image_by_image():
    net = Supernet(ELASTIC).eval()
    images, layers = draw_images(3, 32), list_layers(ELASTIC, Subnet.compound((3,) * 5, 32))
    with torch.inference_mode():
        one_by_one = torch.cat([net(image[None], layers) for image in images])
        torch.testing.assert_close(net(images, layers), one_by_one, rtol=1e-4, atol=1e-6)


def test_a_subnet_may_be_run_part_by_part():
    net = Supernet(ELASTIC).eval()
    images, layers = draw_images(1, 32), list_layers(ELASTIC, Subnet.compound((2, 3, 4, 3, 2), 32))
    with torch.inference_mode():
        halfway = net(images, layers[:8])
        torch.testing.assert_close(net(halfway, layers[8:]), net(images, layers), rtol=0, atol=0)


def test_dropout_is_for_training_alone():
    net = Supernet(ELASTIC, dropout=0.9)
    images, layers = draw_images(1, 32), list_layers(ELASTIC, Subnet.compound((2,) * 5, 32))
    with torch.inference_mode():
        net.eval()
        assert torch.equal(net(images, layers), net(images, layers))
