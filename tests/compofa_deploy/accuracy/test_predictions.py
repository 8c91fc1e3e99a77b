"""A predictor stands in for a table of accuracies, for what it was made for alone."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.encoding import OFA_ENCODING, Encoding
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.predictor import AccuracyPredictor, HeldOutError
from compofa_deploy.accuracy.source import is_foreign, load_foreign, load_predictor
from compofa_deploy.space.layers import enumerate_compound
from compofa_deploy.space.named_architectures import find_architecture
from latency_tables.errors import InputError, MismatchError
from tests.compofa_deploy.accuracy.builders import draw_ofa_arrays, save_ofa_predictor

ARCHITECTURE = find_architecture("mbv3-w1.2-imagenet")


def make_predictor(**changes):
    known = {
        "encoding": OFA_ENCODING, "model": Mlp.from_arrays(draw_ofa_arrays(), "it"), "scale": 1.0,
        "architecture": None, "error": None, "origin": "a test",
    }  # fmt: skip
    return AccuracyPredictor(**{**known, **changes})


def test_every_compound_subnet_at_every_resolution_is_predicted():
    predicted = PredictedAccuracies(make_predictor(), ARCHITECTURE, "p")
    assert predicted.resolutions == ARCHITECTURE.resolutions
    table = predicted.accuracy()
    assert table.shape == (25, 243)
    expected = predicted.predictor.predict_subnets(enumerate_compound(192))
    assert np.array_equal(table[predicted.resolutions.index(192)], expected)


def test_resolutions_without_a_place_are_left_out():
    places = Encoding(160, 32, 3)
    model = Mlp((np.zeros((1, places.size), np.float32),), (np.zeros(1, np.float32),))
    predicted = PredictedAccuracies(make_predictor(encoding=places, model=model), ARCHITECTURE, "p")
    assert predicted.resolutions == tuple(range(160, 225, 4))


def test_the_error_is_described_where_it_is_known():
    unknown = PredictedAccuracies(make_predictor(), ARCHITECTURE, "p").describe()
    assert unknown == "predicted by p, of unknown error"
    known = make_predictor(error=HeldOutError(0.123, 0.5, 0.98, 200, 10))
    assert "off by 0.12 points on average" in PredictedAccuracies(known, ARCHITECTURE, "p").describe()


@pytest.mark.parametrize(
    ("changes", "architecture", "message"),
    [
        ({"architecture": "mbv3-w1.0-imagenet"}, ARCHITECTURE, "p predicts accuracies of mbv3-w1.0-imagenet, not of"),
        ({}, replace(ARCHITECTURE, family="resnet"), "of the family resnet"),
        ({}, find_architecture("mbv3-w0.75-cifar10"), "p predicts from 112 to 239 px"),
    ],
)  # fmt: skip
def test_a_predictor_for_another_architecture_is_refused(changes, architecture, message):
    with pytest.raises(MismatchError, match=message):
        PredictedAccuracies(make_predictor(**changes), architecture, "p")


def test_each_kind_of_file_is_recognised(tmp_path):
    make_predictor().save(tmp_path / "p.safetensors")
    (tmp_path / "a.csv").write_text("subnet,top1\n22222@160,70\n")
    assert isinstance(load_foreign(tmp_path / "p.safetensors", ARCHITECTURE), PredictedAccuracies)
    assert isinstance(load_foreign(tmp_path / "a.csv", ARCHITECTURE), StatedAccuracies)
    assert not is_foreign(tmp_path / "a.json")
    assert not is_foreign(None)
    with pytest.raises(InputError, match=r"a\.csv: is not an accuracy predictor"):
        load_predictor(tmp_path / "a.csv")


def test_ofas_weights_are_read_as_they_are(tmp_path):
    pytest.importorskip("torch")
    predicted = load_foreign(save_ofa_predictor(tmp_path / "p.pth"), ARCHITECTURE)
    expected = 100 * make_predictor().predict_subnets(enumerate_compound(128))
    np.testing.assert_allclose(predicted.accuracy()[0], expected, rtol=1e-5)
