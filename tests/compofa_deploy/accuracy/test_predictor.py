"""A predictor comes back from its file, and a spoilt file is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save_file

from compofa_deploy.accuracy.encoding import OFA_ENCODING, Encoding, encode_subnets
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictor import AccuracyPredictor, HeldOutError
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError
from tests.compofa_deploy.accuracy.builders import draw_ofa_arrays
from tests.support.subnets import sample_any

ERROR = HeldOutError(0.1, 0.3, 0.98, 200, 10)


def make_predictor(**changes):
    known = {
        "encoding": OFA_ENCODING, "model": Mlp.from_arrays(draw_ofa_arrays(), "it"), "scale": 100.0,
        "architecture": "mbv3-w1.2-imagenet", "error": ERROR, "origin": "a test",
    }  # fmt: skip
    return AccuracyPredictor(**{**known, **changes})


@pytest.fixture
def subnets(rng):
    return [sample_any(rng, int(r)) for r in rng.choice([160, 176, 192, 208, 224], 30)]


def test_a_prediction_is_the_models_in_per_cent(subnets):
    predictor = make_predictor()
    features = encode_subnets(subnets)
    assert np.array_equal(predictor.predict(features), 100 * predictor.model.run(features))
    assert np.array_equal(predictor.predict_subnets(subnets), predictor.predict(features))
    lists = ([getattr(s, word) for s in subnets] for word in ("kernels", "expands", "depths", "resolution"))
    assert np.array_equal(predictor.encode(*lists), features)


@pytest.mark.parametrize("known", [True, False])
def test_a_predictor_comes_back_from_its_file(tmp_path, subnets, known):
    predictor = make_predictor() if known else make_predictor(error=None, architecture=None)
    predictor.save(tmp_path / "p.safetensors")
    again = AccuracyPredictor.load(tmp_path / "p.safetensors")
    assert np.array_equal(again.predict_subnets(subnets), predictor.predict_subnets(subnets))
    for word in ("encoding", "scale", "architecture", "error", "origin"):
        assert getattr(again, word) == getattr(predictor, word)


def test_features_of_another_encoding_are_refused():
    with pytest.raises(InputError, match="reads 128 features a subnet"):
        make_predictor().predict(encode_subnets([Subnet.compound((2,) * 5, 24)], Encoding(24, 4, 3)))


def test_a_resolution_without_a_place_is_refused():
    with pytest.raises(InputError, match="from 112 to 239 px, not 32"):
        make_predictor().predict_subnets([Subnet.compound((2,) * 5, 32)])


def spoil(path, *keys, value):
    """Change one value of the metadata of a saved predictor."""
    make_predictor().save(path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["compofa"])
    inner = metadata
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    save_file(load(data), path, {"compofa": json.dumps(metadata)})


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("encoding", "count"), 7, "reads 128 features, and its encoding has 127"),
        (("encoding", "step"), 0, "encoding, step"),
        (("scale",), None, "scale: must be a finite number"),
        (("error", "mae"), -1, "error, mae: must be at least 0"),
        (("error",), 3, "error: must be an object"),
        (("version",), 2, "this release reads version 1"),
        (("format",), "compofa-supernet", "is 'compofa-supernet', not a compofa-accuracy-predictor"),
    ],
)
def test_spoilt_metadata_is_refused_and_says_where(tmp_path, keys, value, message):
    path = tmp_path / "p.safetensors"
    spoil(path, *keys, value=value)
    with pytest.raises(FormatError, match=message):
        AccuracyPredictor.load(path)


def test_a_file_that_is_cut_off_or_not_there_is_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    make_predictor().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="not a safetensors file that can be read"):
        AccuracyPredictor.load(path)
    with pytest.raises(InputError, match="no such file"):
        AccuracyPredictor.load(tmp_path / "none.safetensors")


def test_a_gradient_is_the_models_in_per_cent(subnets):
    predictor, features = make_predictor(), encode_subnets(subnets)
    np.testing.assert_allclose(predictor.gradient(features), 100 * predictor.model.gradient(features))
