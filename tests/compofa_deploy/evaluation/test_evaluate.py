"""Evaluation along the tree counts what one by one counts, and goes on where it stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation import evaluate as evaluate_module  # noqa: E402
from compofa_deploy.evaluation.evaluate import count_correct, evaluate, fingerprint  # noqa: E402
from compofa_deploy.evaluation.folded import FoldedLayers  # noqa: E402
from compofa_deploy.space import enumerate_compound  # noqa: E402
from compofa_deploy.training.data import DataSplits  # noqa: E402
from latency_tables.errors import FormatError, MismatchError  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.supernets import make_supernet  # noqa: E402


def count_alone(supernet, images, subnet):
    """Right answers of one subnet, by running it whole."""
    network = FoldedLayers(supernet.layers_of(subnet), supernet.weights_of(subnet))
    pixels = supernet.preprocess.normalise(images.resize(subnet.resolution))
    logits = network(torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last))
    return int((logits.argmax(1).numpy() == images.labels).sum())


def test_the_tree_counts_what_one_by_one_counts_for_all_243(supernet):
    images = draw_images(40)
    counts = count_correct(supernet, images, 16)
    alone = [count_alone(supernet, images, subnet) for subnet in enumerate_compound(16)]
    assert counts.tolist() == alone
    assert len(set(alone)) > 1


@pytest.mark.parametrize(("group", "batch"), [(7, 3), (10, 10)])
def test_counts_do_not_depend_on_how_images_are_grouped(supernet, monkeypatch, group, batch):
    images = draw_images(10)
    expected = count_correct(supernet, images, 16)
    monkeypatch.setattr(evaluate_module, "GROUP", group)
    monkeypatch.setattr(evaluate_module, "BATCH", batch)
    assert count_correct(supernet, images, 16).tolist() == expected.tolist()


def test_subnets_that_are_not_wanted_are_left_out(supernet):
    images = draw_images(20)
    largest = count_correct(supernet, images, 16, lambda prefix: prefix[-1] == 2)
    assert largest[242] == count_correct(supernet, images, 16)[242]
    assert not largest[:242].any()


def test_progress_counts_every_unit(supernet):
    told = []
    count_correct(supernet, draw_images(2), 16, on_progress=lambda *progress: told.append(progress))
    assert told == [(16, done, 364) for done in range(1, 365)]


@pytest.fixture(scope="module")
def table(supernet, splits):
    return evaluate(supernet, splits, (16, 20), "random pixels", "a test")


def test_the_table_is_of_the_supernet_and_of_both_splits(supernet, splits, table):
    assert (table.architecture, table.supernet) == ("tiny", supernet.digest)
    assert (table.data, table.made_by) == ("random pixels", "a test")
    assert table.images == {"validation": 7, "test": 9}
    assert table.resolutions == (16, 20)
    for i, resolution in enumerate(table.resolutions):
        expected = count_correct(supernet, splits.test, resolution)
        assert table.correct["test"][i].tolist() == expected.tolist()


def test_an_evaluation_that_was_stopped_goes_on_with_the_resolution_it_was_at(
    supernet, splits, table, tmp_path
):
    partial = tmp_path / "partial.json"

    def interrupt(resolution, done, total):
        if resolution == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(supernet, splits, (16, 20), "random pixels", "a test", partial, interrupt)
    told = []
    again = evaluate(
        supernet, splits, (16, 20), "random pixels", "a test", partial, lambda *p: told.append(p[0])
    )
    assert set(told) == {20}
    for split in ("validation", "test"):
        np.testing.assert_array_equal(again.correct[split], table.correct[split])


@pytest.fixture
def partial(supernet, splits, tmp_path):
    evaluate(supernet, splits, (16,), "", "", tmp_path / "partial.json")
    return tmp_path / "partial.json"


def test_what_another_supernet_left_is_refused(splits, partial):
    with pytest.raises(MismatchError, match="of another supernet or other images; remove it to begin anew"):
        evaluate(make_supernet(seed=1), splits, (16,), "", "", partial)


def test_what_other_images_left_is_refused(supernet, splits, partial):
    other = DataSplits(splits.train, draw_images(7, seed=9), splits.test)
    with pytest.raises(MismatchError, match="of another supernet or other images"):
        evaluate(supernet, other, (16,), "", "", partial)


def test_a_partial_file_that_is_broken_is_refused(supernet, splits, partial):
    data = json.loads(partial.read_text())
    for broken in ({**data, "done": None}, {k: v for k, v in data.items() if k != "done"}):
        partial.write_text(json.dumps(broken))
        with pytest.raises(FormatError, match=r"partial\.json.*begin anew"):
            evaluate(supernet, splits, (16,), "", "", partial)


def test_a_supernet_without_statistics_is_refused(supernet, splits):
    with pytest.raises(MismatchError, match="has no batch-norm statistics"):
        evaluate(replace(supernet, statistics=None), splits, (16,), "", "")


def test_a_resolution_without_statistics_is_refused(supernet, splits):
    with pytest.raises(MismatchError, match="no batch-norm statistics at 24 px; there are 16, 20"):
        evaluate(supernet, splits, (16, 24), "", "")


def test_a_fingerprint_tells_images_and_labels_apart():
    images = draw_images(4)
    relabelled = replace(images, labels=images.labels[::-1].copy())
    assert fingerprint(images) == fingerprint(draw_images(4))
    assert len({fingerprint(images), fingerprint(relabelled), fingerprint(draw_images(4, seed=5))}) == 3
