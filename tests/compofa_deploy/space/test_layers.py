"""The compound subnets, random members, and the layers of each."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.layers import (
    COMPOUND_DEPTHS,
    convert_subnet,
    count_macs,
    count_params,
    enumerate_compound,
    largest_subnet,
    list_layers,
    sample_compound,
)
from compofa_deploy.space.named_architectures import ARCHITECTURES, find_architecture
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError, MismatchError
from tests.support.subnets import sample_any

IMAGENET = find_architecture("mbv3-w1.0-imagenet")
EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda a: a.name)
COMPOUND = [a for a in ARCHITECTURES.values() if find_family(a).CHOICES.fixed_kernels]


def test_compofa_has_243_different_members_smallest_first():
    members = enumerate_compound(192)
    assert len({subnet.id for subnet in members}) == len(members) == 243
    assert members[0].id == "22222@192"
    assert members[-1].id == "44444@192"
    assert [subnet.depths for subnet in members] == list(COMPOUND_DEPTHS)
    assert all(subnet.is_compound for subnet in members)


def test_the_plan_of_a_subnet_is_the_published_network():
    layers = list_layers(IMAGENET, Subnet.parse("23344@224"))
    assert [layer.name for layer in layers[:3]] == ["first_conv", "blocks.0", "blocks.1"]
    assert [layer.name for layer in layers[-4:]] == ["final_expand", "pool", "feature_mix", "classifier"]
    assert [layer.out_size for layer in layers if layer.stride == 2] == [112, 56, 28, 14, 7]
    assert [layer.key for layer in layers][3:6] == [
        "mbconv-24x56-24x56-m72-k3-s1-relu-skip",
        "mbconv-24x56-40x28-m96-k5-s2-relu-se",
        "mbconv-40x28-40x28-m160-k5-s1-relu-se-skip",
    ]


@EVERY
def test_each_layer_takes_what_the_one_before_gives(architecture, rng):
    choices = find_family(architecture).CHOICES
    subnet = sample_any(rng, architecture.resolutions[-1], choices)
    layers = list_layers(architecture, subnet)
    blocks = [layer for layer in layers if layer.name.startswith("blocks.")]
    assert len(blocks) - bool(choices.kernels) == sum(choices.count_running(subnet.depths)), (
        "but for the stem's own"
    )
    assert (layers[0].in_channels, layers[0].in_size) == (3, subnet.resolution)
    for before, after in pairwise(layers):
        assert (after.in_channels, after.in_size) == (before.out_channels, before.out_size)
    assert layers[-1].out_channels == architecture.classes


@pytest.mark.parametrize("architecture", COMPOUND, ids=lambda a: a.name)
def test_the_first_block_of_a_stage_strides_and_the_later_ones_skip(architecture):
    layers = list_layers(architecture, Subnet.compound((4,) * 5, architecture.resolutions[0]))
    for stage in range(5):
        first, *later = layers[2 + 4 * stage : 6 + 4 * stage]
        assert first.stride == (1 if stage == 3 else 2)
        assert not first.skip
        assert all(layer.skip and layer.stride == 1 for layer in later)


def test_published_costs_of_mobilenet_v3_are_near():
    """The largest fixed-kernel member of width 1.2 is bigger, and the smallest of width 1.0 smaller, than
    MobileNetV3-Large's 217 M multiply-accumulates and 5.4 M parameters (Howard et al., ICCV 2019)."""
    largest = list_layers(find_architecture("mbv3-w1.2-imagenet"), Subnet.parse("44444@224"))
    smallest = list_layers(IMAGENET, Subnet.parse("22222@224"))
    assert count_macs(smallest) < 217e6 < count_macs(largest)
    assert count_params(smallest) < 5.4e6 < count_params(largest)


def test_layers_with_one_key_cost_the_same(rng):
    costs: dict[str, set[tuple[int, int]]] = {}
    for architecture in ARCHITECTURES.values():
        for resolution in architecture.resolutions[::4]:
            for layer in list_layers(
                architecture, sample_any(rng, resolution, find_family(architecture).CHOICES)
            ):
                costs.setdefault(layer.key, set()).add((layer.macs, layer.params))
    assert len(costs) > 100
    assert all(len(seen) == 1 for seen in costs.values())


def test_growing_any_stage_costs_more():
    def cost(depths: tuple[int, ...]) -> int:
        return count_macs(list_layers(IMAGENET, Subnet.compound(depths, 160)))

    for stage in range(5):
        row = [cost(tuple(d if i == stage else 2 for i in range(5))) for d in (2, 3, 4)]
        assert row == sorted(set(row))


def test_parameters_do_not_depend_on_the_resolution():
    counts = {count_params(list_layers(IMAGENET, Subnet.compound((3,) * 5, r))) for r in IMAGENET.resolutions}
    assert len(counts) == 1


def test_the_largest_subnet_holds_every_weight():
    fixed = find_architecture("mbv3-w0.75-cifar10")
    assert largest_subnet(fixed, 32).id == "44444@32"
    assert largest_subnet(IMAGENET, 224).kernels == (7,) * 20
    top = count_params(list_layers(fixed, largest_subnet(fixed, 32)))
    assert all(count_params(list_layers(fixed, subnet)) <= top for subnet in enumerate_compound(32))


def test_a_generator_decides_every_draw():
    for sample in (sample_compound, sample_any):
        draws = [[sample(np.random.default_rng(5), 32) for _ in range(3)] for _ in range(2)]
        assert draws[0] == draws[1]


def test_draws_reach_every_choice(rng):
    compound = [sample_compound(rng, 32) for _ in range(60)]
    assert all(subnet.is_compound for subnet in compound)
    assert all({subnet.depths[stage] for subnet in compound} == {2, 3, 4} for stage in range(5))
    anything = [sample_any(rng, 32) for _ in range(60)]
    assert {k for subnet in anything for k in subnet.kernels} == {0, 3, 5, 7}
    assert {e for subnet in anything for e in subnet.expands} == {0, 3, 4, 6}


def test_an_odd_input_is_rounded_up_at_each_stride():
    layers = list_layers(replace(IMAGENET, resolutions=(33,)), Subnet.compound((2,) * 5, 33))
    assert [layer.out_size for layer in layers if layer.stride == 2] == [17, 9, 5, 3, 2]


def test_an_unknown_family_is_named():
    strange = Architecture("strange", 1.0, 10, 2, (32,), family="vit")
    with pytest.raises(InputError, match="family 'vit'; there are mbv3"):
        list_layers(strange, Subnet.parse("22222@32"))


def test_a_compound_id_names_a_subnet_of_every_family_that_has_them():
    proxyless = find_architecture("proxyless-w1.3-imagenet")
    choices = find_family(proxyless).CHOICES
    assert convert_subnet(Subnet.parse("23344@192"), proxyless) == Subnet.parse("23344@192", choices)
    assert convert_subnet(Subnet.parse("23344@192", choices), IMAGENET) == Subnet.parse("23344@192")
    layers = list_layers(proxyless, Subnet.parse("23344@192"))
    assert {layer.kernel for layer in layers if layer.kind == "mbconv"} == {3}


def test_a_subnet_of_another_family_is_refused(rng):
    proxyless = find_architecture("proxyless-w1.3-imagenet")
    with pytest.raises(
        MismatchError, match=r"is a subnet of mbv3, and proxyless-w1\.3-imagenet is of proxyless"
    ):
        list_layers(proxyless, sample_any(rng, 192))
