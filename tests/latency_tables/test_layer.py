"""Rounding of widths, keys, and what a layer costs, against numbers worked out by hand."""

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.layer import Layer, make_divisible

BLOCK = Layer(
    "blocks.5", "mbconv", 24, 40, 56, 28, mid_channels=72, expand=3, kernel=5, stride=2, act="relu", se=True
)


@given(st.floats(0.5, 1e5))
def test_widths_are_multiples_of_the_divisor_and_never_below_nine_tenths(value):
    rounded = make_divisible(value)
    assert rounded % 8 == 0
    assert rounded >= 8
    assert rounded >= 0.9 * value


@given(st.floats(80, 1e5))
def test_widths_from_80_are_rounded_to_the_nearest_multiple(value):
    assert abs(make_divisible(value) - value) <= 4


def test_a_width_is_rounded_up_where_the_nearest_multiple_loses_more_than_a_tenth():
    assert make_divisible(18) == 24  # 16 is nearest and below 0.9 x 18
    assert make_divisible(17) == 16


def test_macs_of_an_inverted_residual():
    expansion = 24 * 72 * 56 * 56
    depthwise = 72 * 25 * 28 * 28
    excitation = 72 * 24 * 2  # squeezed to make_divisible(72 // 4) = 24
    projection = 72 * 40 * 28 * 28
    assert BLOCK.se_channels == 24
    assert BLOCK.macs == expansion + depthwise + excitation + projection


def test_params_of_an_inverted_residual():
    expansion = 24 * 72 + 2 * 72
    depthwise = 25 * 72 + 2 * 72
    excitation = 72 * 24 + 24 + 24 * 72 + 72
    projection = 72 * 40 + 2 * 40
    assert BLOCK.params == expansion + depthwise + excitation + projection


def test_a_block_of_expand_ratio_1_has_no_expansion():
    block = Layer("blocks.0", "mbconv", 16, 16, 112, 112, mid_channels=16, kernel=3, act="relu", skip=True)
    assert not block.has_expansion
    assert block.macs == (16 * 9 + 16 * 16) * 112 * 112
    assert block.params == 16 * 9 + 2 * 16 + 16 * 16 + 2 * 16


BOTTLENECK = Layer(
    "blocks.4", "bottleneck", 168, 512, 15, 8, mid_channels=104, expand=0.2, kernel=3, stride=2, act="relu"
)


def test_costs_of_a_bottleneck():
    reduction, spatial, restoration = 168 * 104, 104 * 104 * 9, 104 * 512
    shortcut = 168 * 512
    assert BOTTLENECK.has_shortcut
    assert BOTTLENECK.macs == reduction * 15 * 15 + (spatial + restoration + shortcut) * 8 * 8
    norms = 2 * (104 + 104 + 512 + 512)
    assert BOTTLENECK.params == reduction + spatial + restoration + shortcut + norms


def test_a_bottleneck_with_a_skip_has_no_convolution_there():
    layer = replace(BOTTLENECK, in_channels=512, in_size=8, stride=1, skip=True)
    assert not layer.has_shortcut
    assert layer.macs == (2 * 512 * 104 + 104 * 104 * 9) * 8 * 8
    assert layer.params == 2 * 512 * 104 + 104 * 104 * 9 + 2 * (104 + 104 + 512)


def test_keys_of_a_resnets_layers_tell_all_that_their_cost_depends_on():
    assert BOTTLENECK.key == "bottleneck-168x15-512x8-m104-k3-s2-relu"
    stem = Layer("stem_middle", "conv", 32, 32, 64, 64, kernel=3, act="relu", skip=True)
    assert stem.key == "conv-32x64-32x64-k3-s1-relu-skip"
    pool = Layer("max_pool", "max_pool", 64, 64, 64, 32, kernel=3, stride=2)
    assert (pool.key, pool.macs, pool.params) == ("max_pool-64x64-64x32-k3-s2", 0, 0)


def test_the_number_under_a_norms_root_is_no_part_of_the_key():
    assert replace(BLOCK, norm_eps=1e-3).key == BLOCK.key


def test_costs_of_the_other_kinds():
    conv = Layer("first_conv", "conv", 3, 16, 224, 112, kernel=3, stride=2, act="h_swish")
    assert (conv.macs, conv.params) == (27 * 16 * 112 * 112, 27 * 16 + 32)
    raw = Layer("feature_mix", "conv", 960, 1280, 1, 1, act="h_swish", norm=False)
    assert (raw.macs, raw.params) == (960 * 1280, 960 * 1280)
    linear = Layer("classifier", "linear", 1280, 10, 1, 1, bias=True)
    assert (linear.macs, linear.params) == (12800, 12810)
    pool = Layer("pool", "pool", 960, 960, 7, 1)
    assert (pool.macs, pool.params) == (0, 0)


def test_where_a_layer_is_kept_is_no_part_of_its_key():
    assert replace(BLOCK, name="blocks.9").key == BLOCK.key


@pytest.mark.parametrize(
    "change",
    [
        {"in_channels": 32},
        {"out_channels": 48},
        {"in_size": 55},
        {"out_size": 27},
        {"mid_channels": 96},
        {"kernel": 3},
        {"stride": 1},
        {"act": "h_swish"},
        {"se": False},
        {"skip": True},
    ],
)
def test_whatever_the_cost_depends_on_is_in_the_key(change):
    assert replace(BLOCK, **change).key != BLOCK.key


def test_a_convolution_without_batch_norm_has_a_key_of_its_own():
    conv = Layer("final_expand", "conv", 160, 960, 7, 7, act="h_swish")
    assert replace(conv, norm=False).key != conv.key


def test_layers_are_values():
    assert replace(BLOCK) == BLOCK
    assert len({BLOCK, replace(BLOCK)}) == 1
    with pytest.raises(FrozenInstanceError):
        BLOCK.kernel = 3  # type: ignore[misc]
