"""Every subnet has its own features, in the places that OFA's predictor reads."""

import numpy as np
import pytest

from compofa_deploy.accuracy.encoding import OFA_ENCODING, Encoding, encode, encode_subnets
from compofa_deploy.space.subnet import BLOCKS, Subnet
from latency_tables.errors import InputError
from tests.support.subnets import sample_any

ONE = {"ks": [[3] * 20], "e": [[4] * 20], "d": [[2] * 5], "r": [128]}


def test_a_block_that_runs_has_one_kernel_size_and_one_expand_ratio_and_another_has_none():
    features = encode([[7] * 20], [[4] * 20], [[2, 3, 4, 2, 2]], [224])
    assert features.shape == (1, 128)
    kernels, expands = features[0, :60].reshape(20, 3), features[0, 60:120].reshape(20, 3)
    runs = [1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0]
    assert kernels[:, 2].tolist() == expands[:, 1].tolist() == runs
    assert kernels[:, :2].sum() == expands[:, [0, 2]].sum() == 0


@pytest.mark.parametrize(
    ("resolution", "place"), [(112, 0), (127, 0), (128, 1), (160, 3), (164, 3), (224, 7), (239, 7)]
)
def test_a_resolution_between_two_places_takes_the_lower_one(resolution, place):
    assert np.flatnonzero(encode(**{**ONE, "r": [resolution]})[0, 120:]).tolist() == [place]


def test_the_choices_of_a_block_that_does_not_run_do_not_matter(rng):
    subnets = [sample_any(rng, int(rng.integers(112, 240))) for _ in range(50)]
    configs = [subnet.to_ofa() for subnet in subnets]
    lists = {word: [config[word] for config in configs] for word in ("ks", "e", "d")}
    from_configs = encode(**lists, r=[config["r"][0] for config in configs])
    assert np.array_equal(from_configs, encode_subnets(subnets))
    assert (from_configs[:, :120].sum(axis=1) == [2 * sum(subnet.depths) for subnet in subnets]).all()


def test_different_subnets_have_different_features(rng):
    subnets = {sample_any(rng, 160) for _ in range(200)}
    assert len(np.unique(encode_subnets(list(subnets)), axis=0)) == len(subnets)


def test_no_subnets_are_no_rows():
    assert encode_subnets([]).shape == (0, 128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ks": [[4] * 20]}, "kernel sizes are each of"),
        ({"e": [[5] * 20]}, "expand ratios are each of"),
        ({"d": [[2, 2, 2, 2, 5]]}, "depths are each of"),
        ({"r": [111]}, "from 112 to 239 px, not 111"),
        ({"r": [240]}, "from 112 to 239 px, not 240"),
        ({"r": [128, 128]}, "2 subnets have ks of shape"),
        ({"d": [[2] * 4]}, "1 subnets have d of shape"),
    ],
)  # fmt: skip
def test_a_value_without_a_place_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        encode(**{**ONE, **changes})


def test_any_resolutions_each_have_a_place():
    encoding = Encoding.of_resolutions([24, 32, 28])
    subnets = [Subnet.compound((2,) * 5, r) for r in (24, 28, 32)]
    assert encode_subnets(subnets, encoding)[:, 6 * BLOCKS :].tolist() == np.eye(3).tolist()
    assert Encoding.of_resolutions([24]).count == 1
    assert OFA_ENCODING.size == 128


def test_an_encoding_without_places_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        Encoding(0, 1, 1)
