"""Costs that hold at every resolution are separated from costs of one resolution."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError
from latency_tables.imported import build_imported, describe_device, split_costs

COSTS = st.dictionaries(st.sampled_from("abcdef"), st.floats(1.0, 1.9))


@given(st.dictionaries(st.sampled_from([8, 16, 24]), COSTS, min_size=1))
def test_at_each_resolution_the_table_costs_what_was_stated_there(stated):
    table = build_imported(describe_device(), {"name": "tiny"}, stated, "a test", "now")
    for resolution, costs in stated.items():
        at = table.at(resolution)
        assert {key: at.layer_cost_ms(key) for key in costs} == costs


def test_only_layers_that_are_stated_differently_are_kept_apart():
    shared, own = split_costs({8: {"a": 1.0, "b": 2.0}, 16: {"a": 1.0, "b": 2.5, "c": 3.0}})
    assert shared == {"a": 1.0, "c": 3.0}
    assert own == {8: {"b": 2.0}, 16: {"b": 2.5}}


@pytest.mark.parametrize("low", [0.0, 1.0])
def test_resolutions_too_far_apart_contradict_each_other(low):
    with pytest.raises(FormatError, match=r"layer a takes .* ms at 16 px and 101 ms at 8 px"):
        split_costs({8: {"a": 101.0}, 16: {"a": low}})


def test_values_that_noise_explains_are_kept_for_their_own_resolutions():
    """Published tables of a Jetson state one layer 2.3 times as long in one file as in another."""
    assert split_costs({8: {"a": 2.3}, 16: {"a": 1.0}}) == ({}, {8: {"a": 2.3}, 16: {"a": 1.0}})


def test_what_is_given_of_a_device_is_known():
    spec = describe_device("a phone", "tflite", "2.1", "cpu", "f32", 4, 1)
    assert spec.describe() == "tflite 2.1 cpu f32 threads 4 batch 1 on a phone (unknown: how it was set)"
    assert "threads" in describe_device().unknown
