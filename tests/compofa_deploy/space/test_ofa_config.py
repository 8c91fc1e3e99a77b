from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.space.families import FAMILIES
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError

GOOD = Subnet.compound((2, 3, 4, 3, 2), 192).to_ofa()
WIDTHS = (16, 24, 40, 80, 112, 160)


def make_net_config(subnet, conv="mobile_inverted_conv", name="MobileNetV3"):
    """Return the config that OFA writes for a cut MobileNetV3."""
    blocks = [{"in_channels": 16, "out_channels": 16, "stride": 1, "expand_ratio": 1, "kernel_size": 3}]
    for stage, pairs in enumerate(subnet.stage_blocks()):
        for i, (expand, kernel) in enumerate(pairs):
            inputs = WIDTHS[stage] if i == 0 else WIDTHS[stage + 1]
            stride = 1 if i or stage == 3 else 2
            sizes = {"in_channels": inputs, "out_channels": WIDTHS[stage + 1], "stride": stride}
            blocks.append({**sizes, "expand_ratio": expand, "kernel_size": kernel})
    listed = [{"name": "MobileInvertedResidualBlock", conv: block, "shortcut": None} for block in blocks]
    return {"name": name, "bn": {"momentum": 0.1}, "first_conv": {}, "blocks": listed, "classifier": {}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"d": [2.9, 3, 4, 3, 2]}, "d holds 2.9, which is no whole number"),
        ({"ks": [3.5] * 20}, "ks holds 3.5"),
        ({"e": [True] * 20}, "e holds True"),
        ({"e": ["3"] * 20}, "e holds '3'"),
        ({"r": [192, 224]}, r"r must be one resolution, not \[192, 224\]"),
        ({"r": 192.5}, "r holds 192.5"),
        ({"kernel": [3] * 20}, "unknown field 'kernel'"),
        ({"wid": 1.2}, "unknown field 'wid'"),
        ({"w": [0] * 6}, "unknown field 'w'"),
        ({"e": float("nan")}, "e must be a list"),
        ({"e": [float("inf")] * 20}, "e holds inf"),
    ],
)
def test_a_config_is_never_read_as_something_near_it(change, says):
    with pytest.raises(InputError, match=says):
        Subnet.from_ofa({**GOOD, **change})


def test_whole_numbers_written_as_floats_and_ofas_null_width_are_read():
    config = {"wid": None, **{word: [float(v) for v in values] for word, values in GOOD.items()}}
    assert Subnet.from_ofa(config).id == "23432@192"


def test_a_field_that_is_there_twice_is_refused():
    text = json.dumps(GOOD)[:-1] + ', "r": [224]}'
    with pytest.raises(InputError, match="there twice"):
        Subnet.parse(text)


def test_full_width_digits_are_no_id():
    with pytest.raises(InputError, match="is not a subnet id"):
        Subnet.parse("23344@１９２")  # noqa: RUF001


@given(st.sampled_from(["mobile_inverted_conv", "conv"]), st.data())
def test_the_net_config_of_a_cut_network_is_read_as_its_subnet(conv, data):
    depths = data.draw(st.tuples(*[st.sampled_from((2, 3, 4))] * 5))
    expands = data.draw(st.tuples(*[st.sampled_from((3, 4, 6))] * 20))
    kernels = data.draw(st.tuples(*[st.sampled_from((3, 5, 7))] * 20))
    subnet = Subnet(depths, expands, kernels, 160)
    assert Subnet.parse(json.dumps({**make_net_config(subnet, conv), "r": [160]})) == subnet


def test_a_net_config_without_a_resolution_is_named_with_its_subnet_and_the_fix():
    subnet = Subnet.compound((2, 3, 4, 3, 2), 192)
    with pytest.raises(
        InputError, match=r"OFA's net.config of the subnet 23432e.*add \"r\": \[192\]"
    ) as caught:
        Subnet.parse(json.dumps(make_net_config(subnet)))
    name = str(caught.value).partition("subnet ")[2].partition(",")[0]
    assert Subnet.parse(f"{name}@192") == subnet


@pytest.mark.parametrize(
    "change", [{"name": "ResNets"}, {"name": None}, {"blocks": [{}]}, {"blocks": [None]}]
)
def test_a_net_config_of_something_else_is_named_for_what_it_is(change):
    config = {**make_net_config(Subnet.parse("22222@192")), **change, "r": [192]}
    with pytest.raises(InputError, match=r"this is OFA's net\.config of a"):
        Subnet.from_ofa(config)


def test_a_net_config_of_another_family_is_refused():
    config = {**make_net_config(Subnet.parse("22222@192")), "r": [192]}
    with pytest.raises(InputError, match="is of proxyless"):
        Subnet.from_ofa(config, choices=FAMILIES["proxyless"].CHOICES)
