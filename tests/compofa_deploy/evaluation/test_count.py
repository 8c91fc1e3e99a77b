"""Counting along the tree counts what one by one counts."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation import count as count_module  # noqa: E402
from compofa_deploy.evaluation.count import CPU, count_group, count_hits, count_right, count_subnets  # noqa: E402
from compofa_deploy.evaluation.folded import FoldedLayers  # noqa: E402
from compofa_deploy.space.layers import enumerate_compound  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.supernets import TINY  # noqa: E402


def count_alone(supernet, images, subnet):
    """Right answers of one subnet, by running it whole."""
    network = FoldedLayers(supernet.layers_of(subnet), supernet.weights_of(subnet))
    pixels = supernet.preprocess.normalise(images.resize(subnet.resolution))
    logits = network(torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last))
    return int((logits.argmax(1).numpy() == images.labels).sum())


def test_the_tree_counts_what_one_by_one_counts_for_all_243(supernet):
    images = draw_images(40)
    top1, top5 = count_right(supernet, images, 16)
    alone = [count_alone(supernet, images, subnet) for subnet in enumerate_compound(16)]
    assert top1.tolist() == alone
    assert len(set(alone)) > 1
    assert (top5 == 40).all(), "of four classes, five hold the label"


def test_counts_do_not_depend_on_how_images_are_batched(supernet, monkeypatch):
    images = draw_images(10)
    expected = count_right(supernet, images, 16)
    monkeypatch.setitem(count_module.BATCH_PIXELS, "cpu", 3 * 16**2)
    assert count_right(supernet, images, 16).tolist() == expected.tolist()


def test_subnets_that_are_not_wanted_are_left_out(supernet):
    images = draw_images(20)
    largest = count_right(supernet, images, 16, lambda prefix: prefix[-1] == 2)
    assert largest[:, 242].tolist() == count_right(supernet, images, 16)[:, 242].tolist()
    assert not largest[:, :242].any()


def test_subnets_are_yielded_one_by_one_and_every_unit_is_told(supernet):
    units, images = [], draw_images(2)
    found = list(count_subnets(supernet, images, 16, on_unit=lambda: units.append(1)))
    assert len(units) == 364
    assert [hits.tolist() for _, hits in found] == count_right(supernet, images, 16).T.tolist()
    assert found[5][0] == (0, 0, 0, 1, 2)


def test_a_label_counts_among_five_where_at_most_four_classes_are_likelier(rng):
    logits = torch.from_numpy(rng.permuted(np.tile(np.arange(10.0), (50, 1)), axis=1))
    labels = torch.from_numpy(rng.integers(0, 10, 50))
    likelier = (logits > logits.gather(1, labels[:, None])).sum(1)
    assert count_hits(logits, labels).tolist() == [int((likelier == 0).sum()), int((likelier < 5).sum())]


def test_fewer_images_are_held_at_once_the_larger_they_are():
    groups = [count_group(TINY, side, CPU) for side in (16, 32, 64)]
    assert groups[0] > 3 * groups[1] > 9 * groups[2] > 0
