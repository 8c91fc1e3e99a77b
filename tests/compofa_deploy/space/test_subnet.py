"""Ids and OFA's configs are read back as written, and wrong ones are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.space.families import FAMILIES
from compofa_deploy.space.subnet import BLOCKS, DEPTHS, EXPANDS, KERNELS, STAGES, Subnet
from latency_tables.errors import InputError

resolutions = st.integers(1, 9999)
depths = st.tuples(*[st.sampled_from(DEPTHS)] * STAGES)
compound = st.builds(Subnet.compound, depths, resolutions)
elastic = st.builds(
    Subnet,
    depths,
    st.tuples(*[st.sampled_from(EXPANDS)] * BLOCKS),
    st.tuples(*[st.sampled_from(KERNELS)] * BLOCKS),
    resolutions,
)
subnets = compound | elastic


@given(subnets)
def test_an_id_is_read_back(subnet):
    assert Subnet.parse(subnet.id) == subnet
    assert Subnet.parse(f" {subnet}\n") == subnet


@given(subnets)
def test_an_ofa_config_is_read_back_through_json(subnet):
    config = json.loads(json.dumps(subnet.to_ofa()))
    assert [len(config[word]) for word in ("ks", "e", "d", "r")] == [20, 20, 5, 1]
    assert Subnet.from_ofa(config) == subnet


@given(subnets, subnets)
def test_ids_are_equal_where_subnets_are(one, other):
    assert (one.id == other.id) == (one == other)


@given(elastic, st.data())
def test_what_a_block_that_does_not_run_was_set_to_is_forgotten(subnet, data):
    config = subnet.to_ofa()
    for block in range(BLOCKS):
        if block % 4 >= subnet.depths[block // 4]:
            config["ks"][block] = data.draw(st.sampled_from(KERNELS))
            config["e"][block] = data.draw(st.sampled_from(EXPANDS))
    assert Subnet.from_ofa(config) == subnet


def test_a_compound_subnet_grows_depth_and_width_together_with_fixed_kernels():
    subnet = Subnet.compound((2, 3, 3, 4, 4), 192)
    assert subnet.expands == (3, 3, 0, 0, 4, 4, 4, 0, 4, 4, 4, 0, 6, 6, 6, 6, 6, 6, 6, 6)
    assert subnet.kernels == (3, 3, 0, 0, 5, 5, 5, 0, 3, 3, 3, 0, 3, 3, 3, 3, 5, 5, 5, 5)
    assert subnet.is_compound
    assert str(subnet) == subnet.id == "23344@192"


def test_the_long_id_of_a_compound_subnet_means_the_same_subnet():
    assert Subnet.parse("22222e3333333333k3355333355@32") == Subnet.parse("22222@32")


def test_one_kernel_off_the_fixed_one_makes_the_long_id():
    subnet = Subnet.parse("22222e3333333333k7355333355@32")
    assert not subnet.is_compound
    assert subnet.id == "22222e3333333333k7355333355@32"


def test_a_subnet_moves_to_another_resolution():
    assert Subnet.parse("23344@192").at(128) == Subnet.parse("23344@128")


def test_an_ofa_config_may_leave_its_resolution_to_the_caller():
    config = Subnet.parse("23344@192").to_ofa()
    del config["r"]
    assert Subnet.from_ofa(config, resolution=160).id == "23344@160"
    assert Subnet.from_ofa({**config, "r": 128}, resolution=160).id == "23344@128"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "23344",
        "23344@",
        "23344@0",
        "23344@-3",
        "23344@1e2",
        "2334@192",
        "233444@192",
        "53344@192",
        "23344@192 extra",
        "23344e3333333333k3333333333@192",
        "22222e3333333333@192",
        "22222e5333333333k3333333333@192",
        "22222@192\x00",
    ],
)
def test_what_is_no_id_is_refused_on_one_line(text):
    with pytest.raises(InputError) as caught:
        Subnet.parse(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_id_or_an_input_error(text):
    try:
        subnet = Subnet.parse(text)
    except InputError:
        return
    assert Subnet.parse(subnet.id) == subnet


GOOD = Subnet.compound((2, 2, 2, 2, 2), 32).to_ofa()


@pytest.mark.parametrize(
    "config",
    [
        {},
        {**GOOD, "d": [2, 2, 2, 2]},
        {**GOOD, "d": [2, 2, 2, 2, 5]},
        {**GOOD, "ks": [3] * 19},
        {**GOOD, "ks": [4] * 20},
        {**GOOD, "e": [0] * 20},
        {**GOOD, "e": None},
        {**GOOD, "r": []},
        {**GOOD, "r": [0]},
        {**GOOD, "r": ["wide"]},
        {**GOOD, "r": None},
    ],
)
def test_what_is_no_ofa_config_is_refused(config):
    with pytest.raises(InputError):
        Subnet.from_ofa(config)


@pytest.mark.parametrize("wrong", [(2, 3, 4, 4), (1, 2, 3, 4, 4), (2,) * 6])
def test_a_compound_subnet_has_five_depths_of_2_to_4(wrong):
    with pytest.raises(InputError, match="5 depths"):
        Subnet.compound(wrong, 32)


@st.composite
def subnets_of_a_family(draw):
    choices = draw(st.sampled_from([family.CHOICES for family in FAMILIES.values()]))
    blocks = choices.block_count
    kernels = st.tuples(*[st.sampled_from(choices.kernels)] * blocks) if choices.kernels else st.just(())
    return Subnet(
        draw(st.tuples(*map(st.sampled_from, choices.depths))),
        draw(st.tuples(*[st.sampled_from(choices.expands)] * blocks)),
        draw(kernels),
        draw(resolutions),
        draw(st.tuples(*[st.sampled_from(choices.width_choices or (0,))] * choices.widths)),
        choices,
    )


@given(subnets_of_a_family())
def test_a_subnet_of_any_family_is_read_back_from_its_id_and_its_config(subnet):
    assert Subnet.parse(subnet.id, subnet.choices) == subnet
    config = json.loads(json.dumps(subnet.to_ofa()))
    assert Subnet.from_ofa(config, choices=subnet.choices) == subnet
    assert Subnet.parse(json.dumps(config), subnet.choices) == subnet


@given(st.sampled_from(list(FAMILIES)), st.text("0123456789ekw@"))
def test_any_text_is_an_id_of_a_family_or_an_input_error(family, text):
    choices = FAMILIES[family].CHOICES
    try:
        subnet = Subnet.parse(text, choices)
    except InputError:
        return
    assert Subnet.parse(subnet.id, choices) == subnet


def test_a_compound_subnet_of_proxyless_has_a_last_block_that_is_wide():
    subnet = Subnet.compound((2, 3, 3, 4, 4), 192, FAMILIES["proxyless"].CHOICES)
    assert subnet.id == "23344@192"
    assert (subnet.expands[-1], subnet.kernels[-1]) == (6, 3)
    assert subnet.to_ofa()["e"][-5:] == [6, 6, 6, 6, 6]


def test_ofas_own_depth_of_the_last_block_of_proxyless_is_read_and_says_nothing():
    choices = FAMILIES["proxyless"].CHOICES
    config = Subnet.compound((2, 3, 3, 4, 4), 192, choices).to_ofa()
    assert Subnet.from_ofa({**config, "d": [*config["d"], 3]}, choices=choices).id == "23344@192"
