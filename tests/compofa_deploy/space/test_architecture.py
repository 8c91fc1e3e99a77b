"""Architectures travel as JSON, and impossible ones are refused."""

import json
from dataclasses import replace

import pytest

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.named_architectures import ARCHITECTURES, find_architecture
from latency_tables.errors import InputError

TINY = Architecture("tiny", 0.5, 4, 1, (16, 24))


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=lambda a: a.name)
def test_an_architecture_survives_json(architecture):
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture


def test_an_architecture_is_found_by_the_name_it_carries():
    for name, architecture in ARCHITECTURES.items():
        assert architecture.name == name
        assert find_architecture(name) is architecture


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(InputError, match=r"no architecture 'resnet'; there are mbv3-w1\.0-imagenet"):
        find_architecture("resnet")


def test_imagenet_resolutions_are_128_to_224_in_steps_of_4():
    resolutions = find_architecture("mbv3-w1.2-imagenet").resolutions
    assert (resolutions[0], resolutions[-1], len(resolutions)) == (128, 224, 25)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"width": 0}, "width must be above 0"),
        ({"classes": 0}, "classes at least 1"),
        ({"stem_stride": 3}, "stem stride 1 or 2"),
        ({"resolutions": ()}, "resolutions"),
        ({"resolutions": (32, 24)}, "resolutions must be ascending"),
        ({"resolutions": (24, 24)}, "not repeat"),
    ],
)
def test_a_shape_that_no_network_has_is_refused(change, complaint):
    with pytest.raises(InputError, match=complaint):
        replace(TINY, **change)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: d.pop("resolutions"),
        lambda d: d.pop("width"),
        lambda d: d.update(depth=3),
        lambda d: d.update(resolutions=["wide"]),
        lambda d: d.update(resolutions=32),
        lambda d: d.update(width="wide"),
        lambda d: d.update(classes=None),
    ],
    ids=["no resolutions", "no width", "unknown field", "word", "number for list", "word for width", "null"],
)
def test_a_broken_dict_is_one_error_that_says_so(break_it):
    data = TINY.to_dict()
    break_it(data)
    with pytest.raises(InputError, match="not an architecture"):
        Architecture.from_dict(data)
