"""Evaluation makes a table of what is counted, goes on where it stopped, and is shared by processes."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.data.splits import DataSplits  # noqa: E402
from compofa_deploy.evaluation import evaluate as evaluate_module  # noqa: E402
from compofa_deploy.evaluation.checkpoint import fingerprint  # noqa: E402
from compofa_deploy.evaluation.checkpoint_files import remove_partial  # noqa: E402
from compofa_deploy.evaluation.count import count_right  # noqa: E402
from compofa_deploy.evaluation.evaluate import check_classes, evaluate  # noqa: E402
from compofa_deploy.torch_process.distributed import Ranks  # noqa: E402
from latency_tables.errors import FormatError, MismatchError  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.supernets import make_supernet  # noqa: E402


@pytest.fixture(scope="module")
def table(supernet, splits):
    return evaluate(supernet, splits, (16, 20), "random pixels", "a test")


def test_the_table_is_of_the_supernet_and_of_both_splits(supernet, splits, table):
    assert (table.architecture, table.supernet) == ("tiny", supernet.digest)
    assert (table.data, table.made_by) == ("random pixels", "a test")
    assert table.images == {"validation": 7, "test": 9}
    assert table.resolutions == (16, 20)
    for i, resolution in enumerate(table.resolutions):
        top1, top5 = count_right(supernet, splits.test, resolution)
        assert table.correct["test"][i].tolist() == top1.tolist()
        assert table.top5 is not None
        assert table.top5["test"][i].tolist() == top5.tolist()
    assert table.seconds > 0


def assert_same_counts(found, table):
    """At the first resolution."""
    for split in ("validation", "test"):
        np.testing.assert_array_equal(found.correct[split][0], table.correct[split][0])
        np.testing.assert_array_equal(found.top5[split][0], table.top5[split][0])


def test_an_evaluation_that_was_killed_goes_on_from_what_it_kept_as_it_ran(
    supernet, splits, table, tmp_path, monkeypatch
):
    partial, seen, told = tmp_path / "partial.json", [], []
    monkeypatch.setattr(evaluate_module, "KEEP_SECONDS", 0.0)

    def note(resolution, done, total):
        if done == 500:
            seen.append(partial.read_text())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(supernet, splits, (16,), "", "", partial, note)
    # A kill leaves no time to write what the interruption did.
    partial.write_text(seen[0])
    again = evaluate(supernet, splits, (16,), "", "", partial, lambda *p: told.append(p))
    assert 2 * 364 - 500 <= len(told) <= 2 * 364 - 500 + 13 + 3
    assert told[-1] == (16, len(told), len(told))
    assert_same_counts(again, table)


def test_the_processes_of_a_run_do_all_of_it_between_them(supernet, splits, table, tmp_path, monkeypatch):
    """Each on its own here, so that none sees the whole; then one that has what all of them kept."""
    partial, world, told = tmp_path / "partial.json", 3, []
    for rank in range(world):
        monkeypatch.setattr(Ranks, "gather", lambda self, value: [value])
        apart = tmp_path / f"machine{rank}"
        apart.mkdir()
        with pytest.raises(FormatError, match="not of every image once"):
            evaluate(
                supernet,
                splits,
                (16,),
                "",
                "",
                apart / "partial.json",
                lambda *p: told.append(p),
                ranks=Ranks(rank, 3),
            )
        for path in apart.iterdir():
            path.rename(tmp_path / path.name)
    assert 2 * 364 <= len(told) <= 2 * 364 + 3 * (world - 1)
    again = evaluate(supernet, splits, (16,), "", "", partial, pytest.fail)
    assert_same_counts(again, table)
    remove_partial(partial)
    assert not list(tmp_path.glob("partial*"))


def test_the_same_comes_out_whatever_is_held_at_once(supernet, splits, table, monkeypatch):
    monkeypatch.setattr(evaluate_module, "count_group", lambda *given: 5)
    assert_same_counts(evaluate(supernet, splits, (16,), "", ""), table)


@pytest.fixture
def partial(supernet, splits, tmp_path):
    evaluate(supernet, splits, (16,), "", "", tmp_path / "partial.json")
    return tmp_path / "partial.json"


def test_what_another_supernet_left_is_refused(splits, partial):
    with pytest.raises(
        MismatchError, match=r"of another supernet or other images.*; remove it to begin anew"
    ):
        evaluate(make_supernet(seed=1), splits, (16,), "", "", partial)


def test_what_other_images_left_is_refused(supernet, splits, partial):
    other = DataSplits(splits.train, draw_images(7, seed=9), splits.test)
    with pytest.raises(MismatchError, match="of another supernet or other images"):
        evaluate(supernet, other, (16,), "", "", partial)


def test_a_partial_file_that_is_broken_is_refused(supernet, splits, partial):
    data = json.loads(partial.read_text())
    rows = {"16/test/000": {"0-9": [1, 2]}}
    for broken in ({**data, "done": None}, {**data, "done": rows}, {**data, "done": {"16/test": {}}}):
        partial.write_text(json.dumps(broken))
        with pytest.raises(FormatError, match=r"partial\.json.*begin anew"):
            evaluate(supernet, splits, (16,), "", "", partial)


def test_a_supernet_without_statistics_is_refused(supernet, splits):
    with pytest.raises(MismatchError, match="has no batch-norm statistics"):
        evaluate(replace(supernet, statistics=None), splits, (16,), "", "")


def test_a_resolution_without_statistics_is_refused(supernet, splits):
    with pytest.raises(MismatchError, match="no batch-norm statistics at 24 px; there are 16, 20"):
        evaluate(supernet, splits, (16, 24), "", "")


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a", "b", "c", "d"), r"of 4 classes \(a, b, c, ...\), and tiny tells 4 classes \(class0"),
     (("class0", "class1"), r"of 2 classes \(class0, class1\), and tiny"), (("0", "1", "2"), "of 3 classes")],
)  # fmt: skip
def test_images_of_other_classes_are_refused(supernet, splits, names, message):
    other = replace(splits.test, class_names=names)
    with pytest.raises(MismatchError, match=message):
        evaluate(supernet, replace(splits, test=other), (16,), "", "")


def test_classes_without_names_are_as_good_as_those_with(supernet, splits):
    unnamed = {
        part: replace(getattr(splits, part), class_names=("0", "1", "2", "3"))
        for part in ("validation", "test")
    }
    check_classes(supernet, replace(splits, **unnamed))


def test_a_fingerprint_tells_images_and_labels_apart():
    images = draw_images(4)
    relabelled = replace(images, labels=images.labels[::-1].copy())
    assert fingerprint(images) == fingerprint(draw_images(4))
    assert len({fingerprint(images), fingerprint(relabelled), fingerprint(draw_images(4, seed=5))}) == 3
