"""Accuracies and gains over choices are those of the predictor for their subnets."""

import numpy as np

from compofa_deploy.space.choice_arrays import ABSENT, OPTIONS, SPACES, to_subnet
from tests.compofa_deploy.search.large_spaces import ELASTIC, make_gradients, make_predictor

OFA = SPACES["ofa"]


def test_values_are_the_predictors(rng):
    rows, at = OFA.sample(rng, 100), rng.integers(2, size=100)
    subnets = [to_subnet(row, ELASTIC.resolutions[i]) for row, i in zip(rows, at, strict=True)]
    assert make_gradients().values(rows, at).tolist() == make_predictor().predict_subnets(subnets).tolist()


def test_gains_of_a_linear_predictor_are_what_it_predicts_of_the_changed_subnets(rng):
    gradients = make_gradients(widths=())
    rows, at = OFA.sample(rng, 20), np.zeros(20, int)
    gains, values = gradients.gains(rows, at), gradients.values(rows, at)
    compared = 0
    for i, row in enumerate(rows):
        for block, choice in np.ndindex(20, OPTIONS):
            changed = row.copy()
            changed[block] = choice
            if OFA.contains(changed[None])[0]:
                expected = gradients.values(changed[None], at[:1])[0] - values[i]
                np.testing.assert_allclose(gains[i, block, choice], expected, atol=1e-5)
                compared += choice == ABSENT
    assert compared > 10


def test_leaving_a_block_as_it_is_gains_nothing(rng):
    rows = OFA.sample(rng, 10)
    gains = make_gradients().gains(rows, np.ones(10, int))
    assert (np.take_along_axis(gains, rows[..., None], axis=2) == 0).all()


def test_every_row_counts_as_one_evaluation(rng):
    gradients = make_gradients()
    gradients.values(OFA.sample(rng, 7), np.zeros(7, int))
    gradients.gains(OFA.sample(rng, 3), np.zeros(3, int))
    assert gradients.evaluations == 10
