"""An exported bundle describes itself, gives the reference's numbers, and is the same each time."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from compofa_deploy.bundle.verify import check_numbers
from compofa_deploy.export.export import draw_reference_images, export
from compofa_deploy.export.writers import find_writer
from compofa_deploy.space.layers import count_macs, count_params, list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError, MismatchError
from tests.support.supernets import TINY, make_accuracies, make_supernet

SUBNET = Subnet.compound((2, 3, 4, 3, 2), 16)


def test_the_manifest_says_what_the_subnet_is_and_costs(tiny, exported):
    deployment, layers = exported.deployment, list_layers(TINY, SUBNET)
    assert deployment.subnet == "23432@16"
    assert Subnet.from_ofa(deployment.ofa_config) == SUBNET
    assert (deployment.macs, deployment.params) == (count_macs(layers), count_params(layers))
    assert deployment.supernet == tiny.digest
    assert deployment.labels == tiny.class_names
    assert deployment.input.shape == (1, 3, 16, 16)
    assert deployment.output.shape == (1, 4)
    assert deployment.model.size_bytes == len(exported.model)


def test_the_manifest_says_how_accurate_the_subnet_is(tiny, exported):
    expected = make_accuracies(tiny).find(SUBNET)
    accuracy = exported.deployment.accuracy
    assert {"validation": accuracy.validation, "test": accuracy.test} == expected


def test_the_manifest_states_the_preprocessing(tiny, exported):
    assert exported.deployment.preprocess.to_dict() == tiny.preprocess.to_dict(16)


def test_the_model_is_what_the_manifest_says(exported):
    model = onnx.load_from_string(exported.model)
    onnx.checker.check_model(model, full_check=True)
    (image,), (logits,) = model.graph.input, model.graph.output
    deployment = exported.deployment
    assert (image.name, logits.name) == (deployment.input.name, deployment.output.name) == ("image", "logits")
    for value, port in ((image, deployment.input), (logits, deployment.output)):
        assert tuple(d.dim_value for d in value.type.tensor_type.shape.dim) == port.shape


@pytest.mark.parametrize("depths", [(2,) * 5, (4,) * 5, (4, 2, 3, 2, 4)])
def test_the_model_gives_the_references_numbers(tiny, spec, device, depths):
    exported = export(tiny, Subnet.compound(depths, 20), spec)
    difference = check_numbers(exported.deployment, exported.model_files, exported.reference, spec, device)
    assert difference <= exported.deployment.tolerance / 5


def test_a_batch_is_exported_as_one(tiny, spec):
    deployment = export(tiny, SUBNET, replace(spec, batch=3)).deployment
    assert deployment.input.shape == (3, 3, 16, 16)
    assert deployment.output.shape == (3, 4)


def test_the_same_subnet_is_the_same_bytes(tiny, spec, exported):
    again = export(tiny, SUBNET, spec, make_accuracies(tiny), exported.deployment.command)
    assert again == exported


def test_reference_images_are_the_same_for_a_resolution_and_cover_the_range():
    images = draw_reference_images(20)
    np.testing.assert_array_equal(images, draw_reference_images(20))
    assert images.shape == (4, 20, 20, 3)
    assert images.min() < 20
    assert images.max() > 235


def test_without_accuracies_none_is_stated(tiny, spec):
    assert export(tiny, SUBNET, spec).deployment.accuracy is None


def test_accuracies_of_another_supernet_are_refused(tiny, spec):
    with pytest.raises(MismatchError, match="made from other weights"):
        export(tiny, SUBNET, spec, make_accuracies(make_supernet(seed=1)))


@pytest.mark.parametrize(
    ("subnet", "message"),
    [
        (Subnet.compound((2,) * 5, 24), "statistics ship for resolutions 16, 20"),
        (
            Subnet.from_ofa({"d": [2] * 5, "e": [6] * 20, "ks": [3] * 20, "r": [16]}),
            "no compound subnet",
        ),
    ],
)
def test_a_subnet_that_the_supernet_does_not_have_is_refused(tiny, spec, subnet, message):
    with pytest.raises(MismatchError, match=message):
        export(tiny, subnet, spec)


def test_a_runtime_that_nothing_exports_to_is_refused():
    with pytest.raises(InputError, match="nothing exports to runtime 'fake'; there are onnxruntime"):
        find_writer("fake")
