"""Rows of choices are subnets, and each space has its members and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.space.choice_arrays import (
    ABSENT,
    SETTINGS,
    SPACES,
    Space,
    decode,
    find_space,
    to_subnet,
)
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import COUPLED_EXPAND, Subnet
from latency_tables.errors import InputError
from tests.compofa_deploy.search.large_spaces import list_members, narrow
from tests.support.subnets import sample_any, to_choices

SMALL = narrow(SPACES["ofa"], (1, 3), ((3, 3), (5, 6)))


def is_member(row, name):
    """What a space is, said once more in plain words."""
    for stage in range(5):
        blocks = row[4 * stage : 4 * stage + 4]
        depth = next((i for i, choice in enumerate(blocks) if choice == ABSENT), 4)
        if depth < 2 or any(choice != ABSENT for choice in blocks[depth:]):
            return False
        for choice in blocks[:depth]:
            kernel, expand = SETTINGS[choice]
            if name != "ofa" and expand != COUPLED_EXPAND[depth]:
                return False
            if name == "compofa" and kernel != (3, 5, 3, 3, 5)[stage]:
                return False
    return True


def test_the_spaces_have_as_many_subnets_as_they_should():
    assert SPACES["compofa"].size == 243
    assert SPACES["compofa-elastic"].size == (3**2 + 3**3 + 3**4) ** 5
    assert SPACES["ofa"].size == (9**2 + 9**3 + 9**4) ** 5 > 10**19
    assert len(list_members(SMALL)) == SMALL.size == (2**2 + 2**3) ** 2


def test_the_members_of_compofa_are_the_compound_subnets():
    members = {to_subnet(row, 192) for row in list_members(SPACES["compofa"])}
    assert members == {Subnet.compound(depths, 192) for depths in COMPOUND_DEPTHS}


@pytest.mark.parametrize("name", SPACES)
def test_what_is_sampled_is_a_member_and_is_varied(name, rng):
    rows = SPACES[name].sample(rng, 500)
    assert SPACES[name].contains(rows).all()
    assert all(is_member(row, name) for row in rows.tolist())
    assert set((rows.reshape(-1, 4) != ABSENT).sum(axis=1)) == {2, 3, 4}
    assert len(np.unique(rows, axis=0)) > 200


def test_a_space_without_a_depth_does_not_sample_it(rng):
    assert SMALL.contains(SMALL.sample(rng, 100)).all()


@given(
    st.lists(st.sampled_from([0, 1, 4, 5, ABSENT]), min_size=20, max_size=20), st.sampled_from(list(SPACES))
)
def test_members_are_those_of_the_definition(row, name):
    assert SPACES[name].contains(np.array([row]))[0] == is_member(row, name)


@given(st.integers(0, 10**6), st.sampled_from(list(SPACES)), st.integers(0, 19), st.integers(0, ABSENT))
def test_members_with_one_block_set_otherwise_are_those_of_the_definition(seed, name, block, choice):
    row = SPACES[name].sample(np.random.default_rng(seed), 1)
    row[0, block] = choice
    assert SPACES[name].contains(row)[0] == is_member(row[0].tolist(), name)


def test_a_subnet_comes_back_from_its_choices(rng):
    for _ in range(50):
        subnet = sample_any(rng, 176)
        assert to_subnet(to_choices(subnet), 176) == subnet


def test_choices_are_decoded_to_what_their_subnet_has(rng):
    rows = SPACES["ofa"].sample(rng, 20)
    config = decode(rows)
    for i, row in enumerate(rows):
        subnet = to_subnet(row, 160)
        found = tuple(tuple(config[word][i].tolist()) for word in ("d", "e", "ks"))
        assert found == (subnet.depths, subnet.expands, subnet.kernels)


def test_only_the_largest_space_leaves_settings_free_of_depth():
    assert [name for name, space in SPACES.items() if space.free_depth] == ["ofa"]


def test_a_space_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="no space 'nas'; there are compofa, compofa-elastic, ofa"):
        find_space("nas")
    assert isinstance(find_space("ofa"), Space)
