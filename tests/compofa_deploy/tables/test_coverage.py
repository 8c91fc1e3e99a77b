"""A few subnets run every layer of a space."""

from dataclasses import replace

import pytest

from compofa_deploy.space.layers import enumerate_compound, list_layers
from compofa_deploy.space.subnet import COUPLED_EXPAND, DEPTHS, KERNELS, MAX_DEPTH, Subnet
from compofa_deploy.tables.coverage import list_needed, widest_space
from tests.support.subnets import sample_any
from tests.support.supernets import TINY

ELASTIC = replace(TINY, elastic_kernel=True)


def keys_of(subnet):
    return {layer.key for layer in list_layers(ELASTIC, subnet)}


def test_every_layer_of_the_compound_subnets_is_needed_and_no_other():
    assert set(list_needed(ELASTIC, 20, "compofa")) == set().union(*map(keys_of, enumerate_compound(20)))


def test_every_layer_of_random_subnets_of_the_full_space_is_needed(rng):
    needed = set(list_needed(ELASTIC, 20, "ofa"))
    drawn = set().union(*(keys_of(sample_any(rng, 20)) for _ in range(300)))
    assert drawn == needed


def test_every_layer_of_random_subnets_with_elastic_kernels_is_needed(rng):
    drawn = set()
    for _ in range(300):
        depths = tuple(int(d) for d in rng.choice(DEPTHS, 5))
        expands = tuple(COUPLED_EXPAND[d] for d in depths for _ in range(MAX_DEPTH))
        drawn |= keys_of(Subnet(depths, expands, tuple(int(k) for k in rng.choice(KERNELS, 20)), 20))
    assert drawn == set(list_needed(ELASTIC, 20, "compofa-elastic"))


@pytest.mark.parametrize("space", ["compofa", "compofa-elastic", "ofa"])
def test_the_subnet_that_is_named_needs_the_layer(space):
    for key, (layer, subnet) in list_needed(ELASTIC, 16, space).items():
        assert layer.key == key
        assert key in keys_of(subnet)


def test_the_widest_space_is_that_which_the_weights_have():
    assert widest_space(ELASTIC) == "ofa"
    assert widest_space(TINY) == "compofa"
