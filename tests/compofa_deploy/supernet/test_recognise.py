"""The shapes of a checkpoint tell its architecture, and the first tensor that does not fit is named."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import FIXED_KERNELS
from compofa_deploy.supernet.published import PUBLISHED
from compofa_deploy.supernet.recognise import recognise
from compofa_deploy.supernet.shapes import list_supernet_shapes
from latency_tables.errors import FormatError, InputError
from tests.support.checkpoints import AS_PACKAGED, AS_PUBLISHED, draw_arrays, spell

SMALL = Architecture("", 0.35, 5, 2, IMAGENET_RESOLUTIONS)


def spell_all(arrays, spelling=AS_PUBLISHED):
    return {spell(name, spelling): array for name, array in arrays.items()}


@pytest.fixture(scope="module")
def _drawn():
    return draw_arrays(SMALL)


@pytest.fixture
def arrays(_drawn):
    return dict(_drawn)


@pytest.mark.parametrize("spelling", [AS_PUBLISHED, AS_PACKAGED])
def test_width_classes_and_elastic_kernels_are_found(arrays, spelling):
    found = recognise(spell_all(arrays, spelling), "net.pth")
    assert found.architecture == replace(SMALL, name="mbv3-w0.35-5classes")
    assert found.arrays.keys() == arrays.keys()
    assert all(found.arrays[name] is array for name, array in arrays.items())
    assert found.notes == ()


@pytest.mark.parametrize("name", [published.architecture for published in PUBLISHED.values()])
def test_a_published_architecture_is_found_by_its_name(name):
    architecture = find_architecture(name)
    tensors = {n: np.broadcast_to(np.float32(0), s) for n, s in list_supernet_shapes(architecture).items()}
    assert recognise(spell_all(tensors), "net.pth").architecture == architecture


def without_matrices(arrays):
    return {name: array for name, array in arrays.items() if "matrix_" not in name}


@pytest.mark.parametrize(("spelling", "kernels"), [(AS_PACKAGED, ""), (AS_PUBLISHED, "fixed")])
def test_a_supernets_kernels_of_7_without_matrices_are_cropped_to_compofas_and_it_is_said(
    arrays, spelling, kernels
):
    found = recognise(spell_all(without_matrices(arrays), spelling), "net.pth", kernels)
    assert found.architecture == replace(SMALL, name="mbv3-w0.35-fixed-5classes", elastic_kernel=False)
    fixed = found.arrays
    assert [fixed[f"blocks.{1 + 4 * stage}.depthwise.weight"].shape[-1] for stage in range(5)] == list(
        FIXED_KERNELS
    )
    name = "blocks.6.depthwise.weight"
    np.testing.assert_array_equal(fixed[name], arrays[name][:, :, 1:6, 1:6])
    assert fixed["blocks.0.depthwise.weight"] is arrays["blocks.0.depthwise.weight"]
    assert found.notes[-1] == "20 depthwise kernels were cropped to their centres: 7x7 to 3x3 and 7x7 to 5x5"
    assert ("--kernels 7" in found.notes[0]) == (not kernels), (
        "the other reading is named where one was derived"
    )


@pytest.mark.parametrize(("spelling", "kernels"), [(AS_PUBLISHED, ""), (AS_PACKAGED, "7")])
def test_a_single_networks_kernels_of_7_are_kept_whole(arrays, spelling, kernels):
    """OFA's teacher: its tensors have the shapes of an elastic supernet's."""
    kept = without_matrices(arrays)
    found = recognise(spell_all(kept, spelling), "net.pth", kernels)
    assert found.architecture.family == "mbv3_d4e6k7"
    assert found.architecture.width == SMALL.width
    assert all(found.arrays[name] is array for name, array in kept.items())
    assert ["--kernels fixed" in note for note in found.notes] == [True] * (not kernels)


def test_kernels_that_may_be_cropped_or_not_are_asked_about(arrays):
    kept = without_matrices(arrays)
    kept["blocks.7.depthwise.weight"] = kept["blocks.7.depthwise.weight"][:, :, 1:-1, 1:-1]
    with pytest.raises(
        InputError, match=r"net\.pth: 19 kernels, the first \S+, are larger .* give --kernels fixed"
    ):
        recognise(spell_all(kept), "net.pth")
    assert len(recognise(spell_all(kept), "net.pth", "fixed").notes) == 1


def test_kernels_of_7_are_refused_where_not_all_are(arrays):
    with pytest.raises(InputError, match="not all 7 without matrices; leave --kernels out"):
        recognise(spell_all(arrays), "net.pth", "7")


def test_fixed_kernels_may_be_of_their_own_size():
    architecture = replace(SMALL, name="mbv3-w0.35-fixed-5classes", elastic_kernel=False)
    assert recognise(spell_all(draw_arrays(architecture)), "net.pth").architecture == architecture


def test_the_first_tensor_of_another_shape_is_named_with_both(arrays):
    for name in ("blocks.9.project.weight", "blocks.3.expand.weight"):
        arrays[name] = arrays[name][:-1]
    with pytest.raises(FormatError) as refused:
        recognise(spell_all(arrays), "net.pth")
    assert str(refused.value) == (
        "net.pth: tensor blocks.3.mobile_inverted_conv.inverted_bottleneck.conv.weight is [47, 8, 1, 1], and "
        "[48, 8, 1, 1] in mbv3-w0.35-5classes, the architecture that it is nearest to"
    )


@pytest.mark.parametrize("spelling", [AS_PUBLISHED, AS_PACKAGED])
@pytest.mark.parametrize(
    ("family", "elastic", "name"),
    [("proxyless", True, "proxyless-w0.5-5classes"), ("resnet50d", False, "resnet50d-w0.5-5classes")],
)
def test_the_other_families_are_found(family, elastic, name, spelling):
    architecture = Architecture(name, 0.5, 5, 2, IMAGENET_RESOLUTIONS, family, elastic)
    tensors = spell_all(
        {n: np.zeros(s, np.float32) for n, s in list_supernet_shapes(architecture).items()}, spelling
    )
    assert recognise(tensors, "net.pth").architecture == architecture
    first = next(iter(tensors))
    tensors[first] = tensors[first][:-1]
    with pytest.raises(FormatError, match=rf"tensor {first} is .* in {name}"):
        recognise(tensors, "net.pth")


@pytest.mark.parametrize("name", ["blocks.3.project_bn.running_var", "blocks.12.depthwise.matrix_5to3"])
def test_a_missing_tensor_is_named(arrays, name):
    del arrays[name]
    with pytest.raises(FormatError, match=rf"no tensor for {name} of mbv3-w0\.35-5classes; .* not whole"):
        recognise(spell_all(arrays), "net.pth")


def test_a_tensor_that_has_no_place_is_named(arrays):
    arrays["blocks.21.project.weight"] = arrays["blocks.20.project.weight"]
    with pytest.raises(FormatError, match=r"tensor blocks\.21\.\S+ has no place in mbv3-w0\.35-5classes"):
        recognise(spell_all(arrays), "net.pth")


def test_an_unknown_name_is_named(arrays):
    with pytest.raises(FormatError, match=r"net\.pth: 'fc\.weight' is no array of OFA's"):
        recognise({**spell_all(arrays), "fc.weight": np.zeros((2, 2), np.float32)}, "net.pth")


def test_a_checkpoint_without_a_classifier_is_refused(arrays):
    del arrays["classifier.weight"]
    with pytest.raises(FormatError, match=r"classifier\.weight is missing"):
        recognise(spell_all(arrays), "net.pth")
