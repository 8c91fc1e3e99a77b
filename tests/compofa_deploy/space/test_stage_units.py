"""Sums over units are the sums over the layers of each of the 243 subnets."""

import numpy as np
import pytest

from compofa_deploy.space.layers import (
    COMPOUND_DEPTHS,
    count_macs,
    count_params,
    enumerate_compound,
    list_layers,
)
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.stage_units import CHOICE_OF_SUBNET, list_units
from compofa_deploy.space.subnet import DEPTHS
from tests.support.supernets import TINY

SHAPES = [(TINY, 16), (TINY, 20), (find_architecture("mbv3-w1.2-imagenet"), 160)]


@pytest.mark.parametrize(("architecture", "resolution"), SHAPES)
def test_macs_and_parameters_of_units_add_up_to_those_of_the_subnets(architecture, resolution):
    units = list_units(architecture, resolution)
    subnets = enumerate_compound(resolution)
    macs = [count_macs(list_layers(architecture, subnet)) for subnet in subnets]
    params = [count_params(list_layers(architecture, subnet)) for subnet in subnets]
    assert units.sum_over(lambda layer: layer.macs).tolist() == macs
    assert units.sum_over(lambda layer: layer.params).tolist() == params


@pytest.mark.parametrize(("architecture", "resolution"), SHAPES)
def test_a_subnet_is_its_stem_its_choices_and_its_head(architecture, resolution):
    units = list_units(architecture, resolution)
    for choices, subnet in zip(CHOICE_OF_SUBNET, enumerate_compound(resolution), strict=True):
        stages = [layer for stage, choice in enumerate(choices) for layer in units.stages[stage][choice]]
        assert (*units.stem, *stages, *units.head) == list_layers(architecture, subnet)


def test_choices_are_in_the_order_of_the_depths():
    assert [tuple(DEPTHS[choice] for choice in row) for row in CHOICE_OF_SUBNET] == list(COMPOUND_DEPTHS)


def test_sums_come_from_the_costs_of_fixed_layers_and_choices():
    stages = [[[10.0**stage], [2 * 10.0**stage], [1 * 10.0**stage, 3 * 10.0**stage]] for stage in range(5)]
    total = list_units(TINY, 16).sum_costs([0.25, 0.5], stages)
    np.testing.assert_allclose(total[[0, 1, 121, 242]], [11111.75, 21111.75, 22222.75, 44444.75])
