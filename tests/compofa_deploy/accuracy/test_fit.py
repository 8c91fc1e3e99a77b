"""One's own predictor finds what is additive, and says how wrong it is on subnets that it did not see."""

import numpy as np
import pytest

from compofa_deploy.accuracy.encoding import Encoding, encode_subnets
from compofa_deploy.accuracy.fit import FOLDS, MIN_SUBNETS, cross_validate, fit_additive
from compofa_deploy.accuracy.ofa_weights import read_ofa_predictor
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.space.layers import enumerate_compound
from compofa_deploy.supernet.stored import BUILT_IN, built_in_folder
from latency_tables.errors import InputError
from tests.support.reference import find_reference
from tests.support.subnets import sample_any

RESOLUTIONS = (160, 176, 192)
ENCODING = Encoding.of_resolutions(RESOLUTIONS)


def draw_features(rng, n):
    return encode_subnets([sample_any(rng, int(r)) for r in rng.choice(RESOLUTIONS, n)], ENCODING)


def test_an_additive_accuracy_is_found_from_a_few_hundred_subnets(rng):
    weights = rng.normal(0, 0.2, ENCODING.size)
    features, unseen = draw_features(rng, 400), draw_features(rng, 200)
    found = fit_additive(features, 75 + features @ weights).run(unseen)
    np.testing.assert_allclose(found, 75 + unseen @ weights, atol=0.05)


def test_the_stated_error_is_that_of_subnets_that_were_not_seen(rng):
    weights, noise = rng.normal(0, 0.2, ENCODING.size), 0.3
    features, unseen = draw_features(rng, 300), draw_features(rng, 2000)
    top1 = 75 + features @ weights + rng.normal(0, noise, 300)
    stated = cross_validate(features, top1, rng)
    found = fit_additive(features, top1).run(unseen)
    actual = np.abs(found - (75 + unseen @ weights + rng.normal(0, noise, 2000))).mean()
    assert (stated.n, stated.folds) == (300, FOLDS)
    assert stated.mae == pytest.approx(actual, rel=0.15)
    assert stated.mae < stated.worst
    assert 0.8 < stated.rank_correlation <= 1


def test_noise_alone_is_said_to_predict_nothing(rng):
    features = draw_features(rng, 200)
    stated = cross_validate(features, rng.normal(75, 1, 200), rng)
    assert stated.mae == pytest.approx(0.8, rel=0.15)
    assert stated.rank_correlation < 0.2


def test_the_same_seed_states_the_same_error():
    features = draw_features(np.random.default_rng(1), 60)
    top1 = 75 + features[:, :9].sum(axis=1)
    first, second = (cross_validate(features, top1, np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_one_resolution_and_equal_accuracies_are_no_trouble(rng):
    encoding = Encoding.of_resolutions([32])
    features = encode_subnets([sample_any(rng, 32) for _ in range(30)], encoding)
    stated = cross_validate(features, np.full(30, 80.0), rng)
    assert (stated.mae, stated.rank_correlation) == (0, 1)


def test_too_few_subnets_are_refused(rng):
    features = draw_features(rng, MIN_SUBNETS - 1)
    with pytest.raises(InputError, match=f"at least {MIN_SUBNETS} subnets; got {MIN_SUBNETS - 1}"):
        cross_validate(features, features.sum(axis=1), rng)


def test_accuracies_of_the_supernet_that_ships_are_predicted_from_two_hundred_of_them(rng):
    table = AccuracyTable.load(built_in_folder() / f"{BUILT_IN}.accuracy.json")
    subnets = [subnet for resolution in table.resolutions for subnet in enumerate_compound(resolution)]
    features = encode_subnets(subnets, Encoding.of_resolutions(table.resolutions))
    top1 = table.accuracy("validation").ravel()
    order = rng.permutation(len(subnets))
    seen, unseen = order[:200], order[200:]
    apart = np.abs(fit_additive(features[seen], top1[seen]).run(features[unseen]) - top1[unseen])
    stated = cross_validate(features[seen], top1[seen], rng)
    assert apart.mean() < 0.2 < top1.std() / 3
    assert stated.mae == pytest.approx(apart.mean(), rel=0.25)


def test_three_hundred_subnets_predict_what_the_published_predictor_does(rng):
    theirs = read_ofa_predictor(find_reference() / "acc_predictor.pth")
    features, unseen = draw_features(rng, 300), draw_features(rng, 500)
    padded, unseen_padded = (np.hstack([f[:, :120], np.zeros((len(f), 3)), f[:, 120:], np.zeros((len(f), 2))])
                             .astype(np.float32) for f in (features, unseen))  # fmt: skip
    found = fit_additive(features, theirs.predict(padded)).run(unseen)
    assert np.abs(found - theirs.predict(unseen_padded)).mean() < 0.3
