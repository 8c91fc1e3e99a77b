"""Statistics come back within half a step, from the row that belongs to the subnet's own prefix."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import list_layers, sample_compound
from compofa_deploy.space.subnet import DEPTHS, STAGES, Subnet
from compofa_deploy.supernet.cut import NORM_PARTS, list_shapes
from compofa_deploy.supernet.statistics import (
    LEVELS,
    StatisticsStore,
    encode_rows,
    encode_statistics,
    list_statistics,
    locate_unit,
    make_row,
)
from latency_tables.errors import FormatError, MismatchError
from latency_tables.layer import Layer
from tests.support.supernets import TINY, make_supernet

ROWS = st.tuples(st.integers(1, 9), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-100, 100, width=32))
)


def decode(encoded, columns):
    """All rows of what :func:`encode_rows` gives, by the definition in the store's docstring."""
    levels = np.stack([encoded["levels"] & 15, encoded["levels"] >> 4], axis=2).reshape(
        len(encoded["levels"]), -1
    )[:, :columns]
    return encoded["low"].astype(np.float64) + encoded["step"].astype(np.float64) * levels


def list_prefixes():
    return [()] + [p for n in range(1, STAGES + 1) for p in np.ndindex(*(len(DEPTHS),) * n)]


def make_rows(architecture, rng):
    """Exact statistics for every prefix, all different."""
    rows = {}
    for resolution in architecture.resolutions:
        for prefix in list_prefixes():
            unit, layers, row = locate_unit(architecture, resolution, prefix)
            columns = sum(length for _, length in list_statistics(layers))
            rows.setdefault((resolution, unit), {})[row] = rng.uniform(0.5, 2, columns).astype(np.float32)
    return rows


@pytest.fixture(scope="module")
def exact():
    return make_rows(TINY, np.random.default_rng(0))


@pytest.fixture(scope="module")
def store(exact):
    return encode_statistics(TINY, exact)


@given(ROWS)
def test_rounding_is_off_by_half_a_step_at_most(rows):
    encoded = encode_rows(rows)
    step = encoded["step"].astype(np.float64)
    # The ends are kept in half precision, which may move them by 2^-11 of themselves.
    slack = np.abs(rows).max(axis=0) * 2.0**-10 + 1e-6
    assert (np.abs(decode(encoded, rows.shape[1]) - rows) <= step / 2 + slack).all()


@given(ROWS)
def test_two_levels_share_a_byte(rows):
    encoded = encode_rows(rows)
    assert encoded["levels"].dtype == np.uint8
    assert encoded["levels"].shape == (len(rows), (rows.shape[1] + 1) // 2)
    assert encoded["low"].shape == encoded["step"].shape == (rows.shape[1],)


@given(arrays(np.float32, (1, 5), elements=st.floats(-100, 100, width=32)))
def test_a_single_row_is_kept_to_half_precision(row):
    np.testing.assert_allclose(decode(encode_rows(row), 5), row, rtol=2.0**-10, atol=1e-6)


def test_as_many_values_as_levels_are_all_told_apart():
    rows = np.arange(LEVELS, dtype=np.float32)[:, None]
    np.testing.assert_array_equal(decode(encode_rows(rows), 1), rows)


def test_each_prefix_has_a_row_of_its_own():
    places = {}
    for prefix in list_prefixes():
        unit, _, row = locate_unit(TINY, 16, prefix)
        places.setdefault(unit, []).append(row)
    assert len(places) == 1 + 3 * STAGES
    assert all(rows == list(range(len(rows))) for rows in places.values())
    assert sum(map(len, places.values())) == 1 + 363


def test_a_subnet_is_given_the_statistics_of_its_own_prefixes(store, exact, rng):
    for _ in range(10):
        subnet = sample_compound(rng, int(rng.choice(TINY.resolutions)))
        found = store.find(subnet)
        choices = tuple(DEPTHS.index(d) for d in subnet.depths)
        for stages in range(STAGES + 1):
            unit, layers, row = locate_unit(TINY, subnet.resolution, choices[:stages])
            step = store.arrays[f"{subnet.resolution}/{unit}/step"].astype(np.float64)
            difference = np.abs(make_row(layers, found) - exact[subnet.resolution, unit][row])
            assert (difference <= step / 2 + 2e-3).all()


def test_every_batch_norm_of_a_subnet_is_given_its_statistics(store):
    subnet = Subnet.compound((2, 3, 4, 3, 2), 20)
    found = store.find(subnet)
    needed = {
        f"{layer.name}.{part}": shape
        for layer in list_layers(TINY, subnet)
        for part, shape in list_shapes(layer).items()
        if part.endswith(("running_mean", "running_var"))
    }
    assert {name: array.shape for name, array in found.items()} == needed
    assert all((array >= 0).all() for name, array in found.items() if name.endswith("running_var"))


def test_a_row_holds_roots_of_variances_cut_to_the_units_width():
    layer = Layer("a", "conv", 3, 4, 8, 8)
    state = {
        "a.bn.running_mean": np.arange(6, dtype=np.float32),
        "a.bn.running_var": np.arange(6, dtype=np.float32) ** 2,
    }
    assert list_statistics([layer]) == [("a.bn.running_mean", 4), ("a.bn.running_var", 4)]
    np.testing.assert_array_equal(make_row([layer], state), [0, 1, 2, 3, 0, 1, 2, 3])
    assert NORM_PARTS[2:] == ("running_mean", "running_var")


def test_a_resolution_without_statistics_is_refused(store):
    with pytest.raises(MismatchError, match="32: batch-norm statistics ship for resolutions 16, 20"):
        store.find(Subnet.compound((2,) * 5, 32))


def test_a_subnet_that_is_not_compound_is_refused(store):
    subnet = Subnet.from_ofa({"d": [2] * 5, "e": [6] * 20, "ks": [3] * 20, "r": [16]})
    with pytest.raises(MismatchError, match="is no compound subnet"):
        store.find(subnet)


def test_a_unit_that_is_missing_is_named(store):
    kept = {name: array for name, array in store.arrays.items() if "stage3.3/step" not in name}
    with pytest.raises(FormatError, match=r"16/stage3\.3, row 4, are missing"):
        replace(store, arrays=kept).find(Subnet.compound((3,) * 5, 16))


def test_rows_that_are_missing_are_named(store):
    arrays = {**store.arrays, "16/stage3.3/levels": store.arrays["16/stage3.3/levels"][:2]}
    with pytest.raises(FormatError, match=r"16/stage3\.3, row 4, are missing"):
        replace(store, arrays=arrays).find(Subnet.compound((3,) * 5, 16))


def test_statistics_of_a_wider_architecture_do_not_fit(store):
    wider = Architecture("wider", 1.0, 4, 1, (16, 20), elastic_kernel=False)
    with pytest.raises(FormatError, match="the file is broken"):
        StatisticsStore(wider, store.resolutions, store.arrays).find(Subnet.compound((3,) * 5, 16))


def test_statistics_differ_between_subnets_and_resolutions():
    statistics = make_supernet().statistics
    name = "classifier"
    first, other, higher = (
        statistics.find(subnet)
        for subnet in (
            Subnet.compound((2, 2, 2, 2, 4), 16),
            Subnet.compound((4, 2, 2, 2, 4), 16),
            Subnet.compound((2, 2, 2, 2, 4), 20),
        )
    )
    assert name not in first
    final = "final_expand.bn.running_mean"
    assert not np.array_equal(first[final], other[final])
    assert not np.array_equal(first[final], higher[final])
