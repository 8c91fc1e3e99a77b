from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.fit import (
    Design,
    conformal_quantile,
    fit_costs,
    leave_one_out,
    rank_correlation,
    relative_residuals,
)
from tests.latency_tables.builders import random_generator


def draw_networks(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Isolated latencies (12, 1) and counts (n, 12)."""
    rng = random_generator()
    return rng.uniform(0.02, 0.2, (12, 1)), rng.integers(0, 4, (n, 12)).astype(float)


def make_design(parts: np.ndarray, counts: np.ndarray, measured: np.ndarray) -> Design:
    """With an intercept."""
    scales = np.array([*[0.5] * parts.shape[1], 0.3])
    prior = np.array([1.0, *[0.0] * parts.shape[1]])
    return Design(parts, counts, np.ones((len(measured), 1)), measured, prior, scales)


def test_a_slope_and_an_intercept_come_back() -> None:
    parts, counts = draw_networks(20)
    measured = counts @ (1.3 * parts[:, 0]) + 0.2
    costs, (intercept,) = fit_costs(make_design(parts, counts, measured))
    assert costs == pytest.approx(1.3 * parts[:, 0], rel=0.01)
    assert intercept == pytest.approx(0.2, rel=0.05)


def test_one_network_that_is_far_off_hardly_moves_the_fit() -> None:
    parts, counts = draw_networks(20)
    measured = counts @ (1.3 * parts[:, 0])
    measured[3] *= 2
    costs, (intercept,) = fit_costs(make_design(parts, counts, measured))
    assert counts @ costs + intercept == pytest.approx(counts @ (1.3 * parts[:, 0]), rel=0.02)


def test_a_single_network_sets_the_scale() -> None:
    parts, counts = draw_networks(1)
    measured = counts @ (1.3 * parts[:, 0])
    costs, (intercept,) = fit_costs(make_design(parts, counts, measured))
    assert counts @ costs + intercept == pytest.approx(measured, rel=0.01)


def test_no_cost_is_negative() -> None:
    parts = np.array([[0.1, 1.0], [0.2, 0.0]])
    counts = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [1.0, 3.0]])
    measured = counts @ [-0.05, 0.3] + 0.5
    costs, _ = fit_costs(make_design(parts, counts, measured))
    assert costs.min() >= 0


def test_noisy_networks_move_the_fit_less_from_its_prior() -> None:
    parts, counts = draw_networks(20)
    design = make_design(parts, counts, counts @ (1.3 * parts[:, 0]))
    slopes = [
        float(np.median(fit_costs(replace(design, noise=noise))[0] / parts[:, 0]))
        for noise in (0.003, 1.0, 100.0)
    ]
    assert slopes[0] == pytest.approx(1.3, rel=0.01)
    assert slopes[0] > slopes[1] > slopes[2] == pytest.approx(1, abs=0.01)


def test_more_coefficients_than_networks_are_what_a_ridge_makes_of_them() -> None:
    """By the textbook's system of as many equations as coefficients; the data have no outliers to weigh less."""
    parts, counts = draw_networks(9)
    own = np.hstack([parts, np.diag(parts[:, 0])])
    design = make_design(own, counts, counts @ (1.3 * parts[:, 0]))
    design = replace(design, scales=np.array([0.5, *[0.1] * 12, 0.3]), noise=0.05)
    costs, (intercept,) = fit_costs(design)
    columns = np.hstack([counts @ own, np.ones((9, 1))]) / design.measured[:, None] * design.scales
    target = 1 - columns @ (design.prior / design.scales)
    change = np.linalg.solve(columns.T @ columns + 0.05**2 * np.eye(14), columns.T @ target)
    expected = design.prior + change * design.scales
    assert costs == pytest.approx(own @ expected[:-1], rel=0.02)
    assert intercept == pytest.approx(expected[-1], abs=0.02)


def test_what_is_no_layers_own_is_found_beside_the_layers() -> None:
    parts, counts = draw_networks(30)
    alone = counts @ parts[:, 0]
    contended = alone * (counts.sum(axis=1) - 18)
    whole = np.stack([np.ones(30), contended], axis=1)
    design = Design(
        parts,
        counts,
        whole,
        1.2 * alone + 0.01 * contended,
        np.array([1.0, 0, 0]),
        np.array([0.5, 0.3, 0.05]),
    )
    costs, (intercept, contention) = fit_costs(design)
    assert costs == pytest.approx(1.2 * parts[:, 0], rel=0.01)
    assert intercept == pytest.approx(0, abs=0.02)
    assert contention == pytest.approx(0.01, rel=0.05)


def test_leaving_one_out_never_sees_the_one() -> None:
    parts, counts = draw_networks(8)
    measured = counts @ (1.3 * parts[:, 0])
    changed = measured.copy()
    changed[2] *= 1.5
    before = leave_one_out([make_design(parts, counts, measured)] * 8)
    after = leave_one_out([make_design(parts, counts, changed)] * 8)
    assert after[2] == before[2]
    assert relative_residuals(after, changed)[2] == pytest.approx(0.5, abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_the_conformal_quantile_is_a_score_that_enough_stay_below(
    scores: list[float], confidence: float
) -> None:
    quantile = conformal_quantile(np.array(scores), confidence)
    assert quantile in scores
    below = sum(score <= quantile for score in scores)
    assert below >= min(len(scores), confidence * (len(scores) + 1) - 1e-6)


def test_the_conformal_quantile_covers_new_scores() -> None:
    rng = random_generator()
    covered = [
        abs(rng.standard_normal()) <= conformal_quantile(np.abs(rng.standard_normal(19)), 0.9)
        for _ in range(2000)
    ]
    assert 0.88 <= np.mean(covered) <= 0.92


def test_too_few_scores_give_the_largest() -> None:
    assert conformal_quantile(np.array([0.1, 0.3, 0.2]), 0.99) == 0.3


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=30, unique=True))
def test_ranks_do_not_change_under_an_increasing_map(values: list[int]) -> None:
    array = np.array(values, float)
    assert rank_correlation(array, array**3) == pytest.approx(1)
    assert rank_correlation(array, -array) == pytest.approx(-1)


def test_ties_share_their_mean_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: Pearson's of these is sqrt(0.9).
    correlation = rank_correlation(np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 3, 4]))
    assert correlation == pytest.approx(0.9**0.5)
