"""A design without corrections predicts what was expected, and its terms are those that it is given."""

import numpy as np
import pytest

from latency_tables.design import LayerTerms, PriorMeans, PriorScales, group_layer, make_design
from latency_tables.fit import fit_costs

TERMS = LayerTerms.of_isolated(
    {"conv-3x8-8x4-k3-s2": 0.1, "pool-8x4-8x1": 0.2}, {"conv-3x8-8x4-k3-s2": 100, "pool-8x4-8x1": 0}
)
COUNTS = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [1.0, 2.0]])
SCALES = PriorScales(slope=0.5, weight_bytes=0.3, group=0.1, layer=0.1, intercept=0.3, contention=0.3)


def test_networks_that_cost_the_sum_of_their_layers_leave_every_cost_as_it_was() -> None:
    design = make_design(TERMS, COUNTS, COUNTS @ TERMS.costs_ms, 150.0, SCALES)
    costs, (intercept, contention) = fit_costs(design)
    assert costs == pytest.approx(TERMS.costs_ms)
    assert (intercept, contention) == (pytest.approx(0), pytest.approx(0))


def test_the_expected_intercept_and_contention_are_kept_where_nothing_speaks_against_them() -> None:
    bytes_beyond = COUNTS @ TERMS.weight_bytes - 150.0
    plain = COUNTS @ TERMS.isolated_ms
    measured = plain + 0.05 + 1e-4 * plain * bytes_beyond
    design = make_design(TERMS, COUNTS, measured, 150.0, SCALES, PriorMeans(0.05, 1e-4))
    costs, (intercept, contention) = fit_costs(design)
    assert costs == pytest.approx(TERMS.costs_ms)
    assert (intercept, contention) == (pytest.approx(0.05), pytest.approx(1e-4))


def test_a_layer_of_its_own_adds_a_coefficient_only_where_it_may_move() -> None:
    measured = COUNTS @ TERMS.costs_ms
    with_layers = make_design(TERMS, COUNTS, measured, 150.0, SCALES)
    without = make_design(TERMS, COUNTS, measured, 150.0, PriorScales(0.5, 0.3, 0.1, 0.0, 0.3, 0.3))
    assert with_layers.parts.shape[1] - without.parts.shape[1] == len(TERMS.keys)


def test_without_known_weights_there_is_no_contention() -> None:
    unknown = LayerTerms(TERMS.keys, TERMS.costs_ms, TERMS.isolated_ms, np.zeros(2))
    assert not make_design(unknown, COUNTS, COUNTS @ TERMS.costs_ms, 1.0, SCALES).whole[:, 1].any()


def test_layers_are_grouped_by_kind_and_output_width() -> None:
    keys = [f"mbconv-8x{size}-{out}x{size}-m48-k3-s1-relu" for out in (16, 24, 40) for size in (4, 8, 16)]
    assert {group_layer(key) for key in keys} == {"mbconv-16", "mbconv-24", "mbconv-40"}
    assert group_layer("linear-1280x1-10x1") == "linear-10"
