"""Calibration along the tree gives each subnet the statistics that running it alone gives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation.calibrate import calibrate  # noqa: E402
from compofa_deploy.files.images import Preprocess  # noqa: E402
from compofa_deploy.space.layers import list_layers  # noqa: E402
from compofa_deploy.space.subnet import Subnet  # noqa: E402
from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.statistics import list_statistics, locate_unit  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.supernets import TINY  # noqa: E402

PREPROCESS = Preprocess((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
IMAGES = draw_images(12)
SUBNETS = [
    Subnet.compound(d, 16) for d in ((2, 2, 2, 2, 2), (4, 4, 4, 4, 4), (3, 2, 4, 3, 2), (2, 4, 3, 2, 4))
]


def make_module():
    torch.manual_seed(0)
    return Supernet(TINY)


@pytest.fixture(scope="module")
def store():
    return calibrate(make_module(), IMAGES, PREPROCESS, [16])


def calibrate_alone(subnet):
    """Statistics of one subnet, from one run of it alone in training mode, without any of the tree."""
    module = make_module().train()
    for norm in module.modules():
        if isinstance(norm, ElasticBatchNorm):
            norm.momentum = 1.0
    batch = torch.from_numpy(PREPROCESS.normalise(IMAGES.resize(subnet.resolution)))
    with torch.no_grad():
        module(batch.contiguous(memory_format=torch.channels_last), list_layers(TINY, subnet))
    return {name: buffer.numpy() for name, buffer in module.named_buffers()}


def list_steps(store, subnet):
    """How far apart two levels are, for each statistic; of a variance, of its root."""
    steps = {}
    choices = tuple((2, 3, 4).index(d) for d in subnet.depths)
    for stages in range(6):
        unit, layers, _ = locate_unit(TINY, subnet.resolution, choices[:stages])
        step = store.arrays[f"{subnet.resolution}/{unit}/step"].astype(np.float64)
        start = 0
        for name, length in list_statistics(layers):
            steps[name] = step[start : start + length]
            start += length
    return steps


@pytest.mark.parametrize("subnet", SUBNETS, ids=str)
def test_a_subnets_statistics_are_those_of_running_it_alone_but_for_the_rounding(store, subnet):
    alone, steps = calibrate_alone(subnet), list_steps(store, subnet)
    for name, found in store.find(subnet).items():
        expected = alone[name][: len(found)]
        if name.endswith("running_var"):
            found, expected = np.sqrt(found), np.sqrt(expected)
        # Half precision of the levels' ends comes on top of half a step.
        slack = 2.0**-9 * np.abs(expected).max() + 1e-4
        assert (np.abs(found - expected) <= 0.51 * steps[name] + slack).all(), name


def test_calibration_leaves_the_supernets_mode_and_momenta_as_they_were():
    module = make_module().eval()
    momenta = [norm.momentum for norm in module.modules() if isinstance(norm, ElasticBatchNorm)]
    trained = {name: p.detach().clone() for name, p in module.named_parameters()}
    calibrate(module, draw_images(2), PREPROCESS, [16])
    assert not module.training
    assert [n.momentum for n in module.modules() if isinstance(n, ElasticBatchNorm)] == momenta
    assert all(torch.equal(p, trained[name]) for name, p in module.named_parameters())


def test_an_interruption_leaves_them_too():
    module = make_module().eval()
    momenta = [norm.momentum for norm in module.modules() if isinstance(norm, ElasticBatchNorm)]

    def interrupt(resolution, prefix):
        if len(prefix) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(module, draw_images(2), PREPROCESS, [16], interrupt)
    assert not module.training
    assert [n.momentum for n in module.modules() if isinstance(n, ElasticBatchNorm)] == momenta


def test_progress_names_each_prefix_once():
    told = []
    calibrate(make_module(), draw_images(2), PREPROCESS, [16], lambda *progress: told.append(progress))
    assert len(told) == 364 == len(set(told))
