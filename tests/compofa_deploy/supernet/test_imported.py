"""An imported checkpoint is a supernet like any other."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture  # noqa: E402
from compofa_deploy.space.layers import list_layers  # noqa: E402
from compofa_deploy.supernet.imported import IMAGENET_MEAN, ImportOptions, import_checkpoint  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.stored import load_supernet, save_supernet  # noqa: E402
from latency_tables.errors import FormatError, InputError  # noqa: E402
from tests.support.checkpoints import draw_arrays, make_state, save_checkpoint  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402

SMALL = Architecture("mbv3-w0.35-5classes", 0.35, 5, 2, IMAGENET_RESOLUTIONS)


@pytest.fixture(scope="module")
def arrays():
    return draw_arrays(SMALL)


@pytest.fixture
def checkpoint(arrays, tmp_path):
    return save_checkpoint(tmp_path / "net.pth", {"state_dict": make_state(arrays)}, legacy=True)


def test_the_supernet_holds_the_checkpoints_numbers_unrounded(arrays, checkpoint, tmp_path):
    save_supernet(import_checkpoint(checkpoint), tmp_path / "net.safetensors")
    loaded = load_supernet(tmp_path / "net.safetensors")
    assert loaded.architecture == SMALL
    assert loaded.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array, err_msg=name)
    assert loaded.digest == import_checkpoint(checkpoint).digest
    assert loaded.preprocess.mean == IMAGENET_MEAN
    assert loaded.class_names[:2] == ("class 0", "class 1")
    assert loaded.origin["imported_from"] == "net.pth"


def test_a_subnets_weights_are_those_that_the_torch_module_runs_with(checkpoint, rng):
    supernet = import_checkpoint(checkpoint)
    module = Supernet(supernet.architecture)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in supernet.arrays.items()})
    subnet = sample_any(rng, 64)
    layer = next(layer for layer in list_layers(SMALL, subnet) if layer.name == "blocks.5")
    with torch.no_grad():
        expected = module.blocks[5].depthwise.cut(layer.mid_channels, layer.kernel).numpy()
    found = supernet.weights_of(subnet)["blocks.5.depthwise.weight"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_what_leaves_no_trace_in_the_tensors_may_be_given(checkpoint):
    supernet = import_checkpoint(
        checkpoint, ImportOptions(["a", "b", "c", "d", "e"], (32, 48), stem_stride=1)
    )
    assert supernet.class_names == ("a", "b", "c", "d", "e")
    assert supernet.architecture == replace(
        SMALL, name="mbv3-w0.35-5classes-32to48px", resolutions=(32, 48), stem_stride=1
    )


def test_too_few_class_names_are_refused(checkpoint):
    with pytest.raises(InputError, match="2 class names for 5 classes"):
        import_checkpoint(checkpoint, ImportOptions(["a", "b"]))


def test_variances_below_0_are_named(arrays, tmp_path):
    name = "blocks.2.project_bn.running_var"
    broken = {**arrays, name: -arrays[name]}
    path = save_checkpoint(tmp_path / "net.pth", make_state(broken))
    with pytest.raises(FormatError, match=rf"net\.pth: the variances {name} are below 0"):
        import_checkpoint(path)
