"""Random subnets of the large spaces: each calibrated and counted as it would be alone, and written for a predictor."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.accuracy.csv_table import read_stated  # noqa: E402
from compofa_deploy.data.splits import DataSplits  # noqa: E402
from compofa_deploy.evaluation import sampled as sampled_module  # noqa: E402
from compofa_deploy.evaluation.calibrate_supernet import open_module  # noqa: E402
from compofa_deploy.evaluation.sampled import (  # noqa: E402
    SampledAccuracies,
    draw_subnets,
    evaluate_sampled,
)
from compofa_deploy.space.choice_arrays import find_space  # noqa: E402
from compofa_deploy.space.layers import list_layers  # noqa: E402
from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm  # noqa: E402
from compofa_deploy.torch_process.distributed import Ranks  # noqa: E402
from latency_tables.errors import MismatchError  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.checkpoints import draw_arrays  # noqa: E402
from tests.support.subnets import to_choices  # noqa: E402
from tests.support.supernets import TINY, make_supernet  # noqa: E402

ELASTIC = replace(TINY, name="tiny-elastic", elastic_kernel=True)
OFA = find_space("ofa")


@pytest.fixture(scope="module")
def elastic():
    return replace(make_supernet(), architecture=ELASTIC, arrays=draw_arrays(ELASTIC), statistics=None)


@pytest.fixture(scope="module")
def splits():
    return DataSplits(draw_images(30, 1), draw_images(25, 2), draw_images(3, 3))


@pytest.fixture(scope="module")
def found(elastic, splits):
    return evaluate_sampled(elastic, splits, OFA, 4, (16, 20), seed=3, calibration_images=20)


def test_a_subnet_counts_what_running_it_in_training_mode_and_then_frozen_counts(elastic, splits, found):
    calibration = splits.train.sample(20, np.random.default_rng(3))
    for subnet, top1 in zip(found.subnets, found.top1, strict=True):
        module, layers = open_module(elastic).train(), list_layers(ELASTIC, subnet)
        for norm in module.modules():
            if isinstance(norm, ElasticBatchNorm):
                norm.momentum = 1.0

        def run(images, module=module, layers=layers, side=subnet.resolution):
            with torch.no_grad():
                return module(torch.from_numpy(elastic.preprocess.normalise(images.resize(side))), layers)

        run(calibration)
        module.eval()
        expected = (run(splits.validation).argmax(1).numpy() == splits.validation.labels).sum()
        assert top1 == expected
    assert (found.top5 == 25).all(), "of four classes, five hold the label"
    assert (found.seconds >= 0).all()


@pytest.mark.parametrize("name", ["ofa", "compofa-elastic"])
def test_drawn_subnets_are_different_members_of_the_space_and_more_of_a_seed_begin_alike(name):
    space = find_space(name)
    subnets = draw_subnets(space, 30, (16, 20), seed=1)
    assert len(set(subnets)) == 30
    assert {subnet.resolution for subnet in subnets} == {16, 20}
    assert space.contains(np.stack([to_choices(subnet) for subnet in subnets])).all()
    assert draw_subnets(space, 50, (16, 20), seed=1)[:30] == subnets
    assert draw_subnets(space, 30, (16, 20), seed=2) != subnets


def test_more_subnets_than_a_space_has_are_refused():
    with pytest.raises(
        MismatchError, match="the space compofa has 243 subnets at a resolution, fewer than 244"
    ):
        draw_subnets(find_space("compofa"), 244, (16,), seed=0)


def test_a_stopped_evaluation_goes_on_with_the_subnets_that_are_left_and_with_more(
    elastic, splits, found, tmp_path, monkeypatch
):
    partial, ran = tmp_path / "out.csv.partial", []
    count = sampled_module.count_subnet

    def count_and_note(supernet, module, subnet, *rest):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(subnet)
        return count(supernet, module, subnet, *rest)

    monkeypatch.setattr(sampled_module, "count_subnet", count_and_note)
    with pytest.raises(KeyboardInterrupt):
        evaluate_sampled(elastic, splits, OFA, 3, (16, 20), 3, 20, partial)
    ran.clear()
    more = evaluate_sampled(elastic, splits, OFA, 4, (16, 20), 3, 20, partial)
    assert ran == list(found.subnets[2:])
    assert more.top1.tolist() == found.top1.tolist()


def test_processes_take_turns(elastic, splits, found, monkeypatch):
    ran = []
    monkeypatch.setattr(
        sampled_module, "count_subnet", lambda s, m, subnet, *rest: ran.append(subnet) or np.array([1, 2])
    )
    monkeypatch.setattr(Ranks, "gather", lambda self, value: [value])
    with pytest.raises(KeyError):
        evaluate_sampled(elastic, splits, OFA, 4, (16, 20), 3, 20, ranks=Ranks(1, 2))
    assert ran == [found.subnets[1], found.subnets[3]]


def test_the_file_is_what_a_predictor_is_fitted_to(found, tmp_path):
    found.save(tmp_path / "ofa.csv")
    stated = read_stated(tmp_path / "ofa.csv")
    assert stated.subnets == found.subnets
    np.testing.assert_allclose(stated.top1, 100 * found.top1 / 25)
    assert (tmp_path / "ofa.csv").read_text().startswith("subnet,top1,top5,images,seconds\n")
    assert isinstance(found, SampledAccuracies)


def test_a_supernet_with_fixed_kernels_has_none_of_these_spaces(supernet, splits):
    with pytest.raises(
        MismatchError, match="tiny has no subnets of the space ofa: these need elastic kernels"
    ):
        evaluate_sampled(supernet, splits, OFA, 2, (16,))


def test_images_of_other_classes_are_refused(elastic, splits):
    other = replace(splits.validation, class_names=("a", "b"))
    with pytest.raises(MismatchError, match="the images are of 2 classes"):
        evaluate_sampled(elastic, replace(splits, validation=other), OFA, 2, (16,))
