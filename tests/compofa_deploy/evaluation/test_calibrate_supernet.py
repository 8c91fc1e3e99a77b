"""A stored supernet is calibrated on images as a trained one is, and is then like it."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation.calibrate import calibrate  # noqa: E402
from compofa_deploy.evaluation.calibrate_supernet import calibrate_supernet  # noqa: E402
from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.subnet import Subnet  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.shapes import list_supernet_shapes  # noqa: E402
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet, save_supernet  # noqa: E402
from latency_tables.errors import InputError, MismatchError  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.checkpoints import draw_arrays  # noqa: E402
from tests.support.supernets import TINY, make_supernet  # noqa: E402

ELASTIC = {
    "mbv3": replace(TINY, elastic_kernel=True),
    "proxyless": Architecture("proxyless", 0.25, 4, 1, (16, 20), "proxyless"),
}


def make_imported(architecture: Architecture) -> StoredSupernet:
    """As an import leaves it: single precision, and no statistics but the arrays'."""
    return replace(
        make_supernet(),
        architecture=architecture,
        arrays=draw_arrays(architecture),
        statistics=None,
        half=False,
    )


@pytest.mark.parametrize("family", ELASTIC)
def test_the_statistics_are_those_that_calibrating_a_module_of_its_weights_gives(family, tmp_path):
    imported, images = make_imported(ELASTIC[family]), draw_images(12)
    calibrated = calibrate_supernet(imported, images, (16,))
    save_supernet(calibrated, tmp_path / "net.safetensors")
    loaded = load_supernet(tmp_path / "net.safetensors")
    assert loaded.digest == calibrated.digest
    assert loaded.class_names == images.class_names
    module = Supernet(imported.architecture, dropout=0)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in imported.arrays.items()})
    expected = calibrate(module, images, imported.preprocess, (16,))
    assert loaded.statistics is not None
    assert loaded.statistics.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(loaded.statistics.arrays[name], array, err_msg=name)
    subnet = Subnet.compound((4, 3, 2, 3, 4), 16)
    assert np.isfinite(list(loaded.weights_of(subnet).values())[-1]).all()


def test_a_supernet_that_has_statistics_is_given_others():
    supernet = make_supernet()
    again = calibrate_supernet(supernet, draw_images(6), (20,))
    assert again.statistics is not None
    assert again.statistics.resolutions == (20,)
    assert again.arrays.keys() == supernet.arrays.keys()
    assert again.digest != supernet.digest


def test_the_weights_are_unchanged_and_progress_is_told():
    imported, told = make_imported(ELASTIC["mbv3"]), []
    calibrated = calibrate_supernet(imported, draw_images(6), (16,), lambda *what: told.append(what))
    assert all(np.array_equal(array, imported.arrays[name]) for name, array in calibrated.arrays.items())
    left_out = {name for name in list_supernet_shapes(imported.architecture) if "running_" in name}
    assert imported.arrays.keys() - calibrated.arrays.keys() == left_out
    assert told[-1] == ("16 px", 364, 364)


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"),
    [
        (("lion", "cow", "ant", "yak"), ("ant", "cow", "lion", "yak"), ("lion", "cow", "ant", "yak")),
        (("lion", "cow", "ant", "yak"), ("n1", "n2", "n3", "n4"), ("lion", "cow", "ant", "yak")),
        (("0", "1", "2", "3"), ("ant", "cow", "lion", "yak"), ("ant", "cow", "lion", "yak")),
        (("0", "1", "2", "3"), ("3", "2", "1", "0"), ("0", "1", "2", "3")),
        (("class 0", "class 1", "class 2", "class 3"), ("n1", "n2", "n3", "n4"), ("n1", "n2", "n3", "n4")),
    ],
)
def test_the_names_of_the_classes_stay_and_are_taken_from_the_images_where_there_are_none(ours, theirs, kept):
    named = replace(make_supernet(), class_names=ours)
    assert calibrate_supernet(named, replace(draw_images(6), class_names=theirs), (20,)).class_names == kept


def test_images_of_other_classes_are_refused():
    other = replace(ELASTIC["mbv3"], classes=5)
    with pytest.raises(MismatchError, match="images are of 4 classes, and tiny tells 5 apart"):
        calibrate_supernet(make_imported(other), draw_images(6), (16,))


def test_a_family_without_compound_subnets_is_refused():
    resnet = Architecture("resnet", 0.1, 4, 1, (16,), "resnet50d", elastic_kernel=False)
    with pytest.raises(InputError, match="resnet50d has no compound subnets"):
        calibrate_supernet(make_imported(resnet), draw_images(6), (16,))
