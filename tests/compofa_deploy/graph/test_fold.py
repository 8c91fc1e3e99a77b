from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.graph.fold import derive_affine, fetch_array, fold_norm
from latency_tables.errors import FormatError
from latency_tables.layer import NORM_EPS


def draw_arrays(seed, shape, scale=1.0):
    rng = np.random.default_rng(seed)
    channels = shape[0]
    arrays = {
        "conv.weight": scale * rng.standard_normal(shape),
        "bn.weight": rng.standard_normal(channels),
        "bn.bias": scale * rng.standard_normal(channels),
        "bn.running_mean": scale * rng.standard_normal(channels),
        "bn.running_var": scale**2 * rng.uniform(0, 3, channels),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@given(
    seed=st.integers(0, 2**32 - 1),
    out_channels=st.integers(1, 9),
    in_channels=st.integers(1, 9),
    kernel=st.sampled_from([1, 3, 5]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_the_folded_convolution_computes_what_both_computed(seed, out_channels, in_channels, kernel, scale):
    shape = (out_channels, in_channels, kernel, kernel)
    arrays = draw_arrays(seed, shape, scale)
    wide = {name: array.astype(np.float64) for name, array in arrays.items()}
    window = np.random.default_rng(seed + 1).standard_normal(shape[1:])
    convolved = np.tensordot(wide["conv.weight"], window, 3)
    root = np.sqrt(wide["bn.running_var"] + NORM_EPS)
    expected = (convolved - wide["bn.running_mean"]) / root * wide["bn.weight"] + wide["bn.bias"]

    weight, bias = fold_norm(arrays, "conv", "bn", shape, NORM_EPS)

    assert weight.dtype == bias.dtype == np.float32
    terms = np.abs(weight.astype(np.float64) * window).sum((1, 2, 3)) + np.abs(bias)
    actual = np.tensordot(weight.astype(np.float64), window, 3) + bias
    # One rounding of each number to float32, relative to the terms of the sum.
    assert (np.abs(actual - expected) <= 2.0**-23 * terms + 1e-30).all()


def test_is_rounded_once():
    arrays = draw_arrays(0, (4, 3, 3, 3))
    weight, bias = fold_norm(arrays, "conv", "bn", (4, 3, 3, 3), NORM_EPS)
    scale, shift = derive_affine(arrays, "bn", 4, NORM_EPS)
    exact = arrays["conv.weight"].astype(np.float64) * scale[:, None, None, None]
    assert (weight == exact.astype(np.float32)).all()
    assert (bias == shift.astype(np.float32)).all()


def test_names_the_array_that_is_missing():
    arrays = draw_arrays(0, (4, 3, 1, 1))
    del arrays["bn.running_mean"]
    with pytest.raises(FormatError, match=r"no array bn\.running_mean"):
        fold_norm(arrays, "conv", "bn", (4, 3, 1, 1), NORM_EPS)


def test_says_which_shape_a_wrong_array_has():
    with pytest.raises(FormatError, match=r"array w of the subnet is \[4\]; its layer needs \[3\]"):
        fetch_array({"w": np.zeros(4, np.float32)}, "w", (3,))


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_refuses_variances_that_are_none(wrong):
    arrays = draw_arrays(0, (4, 3, 1, 1))
    arrays["bn.running_var"][2] = wrong
    with pytest.raises(FormatError, match=r"bn\.running_var holds a variance below 0 or NaN"):
        fold_norm(arrays, "conv", "bn", (4, 3, 1, 1), NORM_EPS)
