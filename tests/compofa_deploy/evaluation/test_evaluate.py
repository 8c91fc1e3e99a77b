"""Evaluation makes a table of what is counted, goes on where it stopped, and is shared by processes."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.data.splits import DataSplits  # noqa: E402
from compofa_deploy.evaluation import evaluate as evaluate_module  # noqa: E402
from compofa_deploy.evaluation.count import count_right  # noqa: E402
from compofa_deploy.evaluation.evaluate import evaluate  # noqa: E402
from compofa_deploy.evaluation.journal import EvaluationJournal  # noqa: E402
from compofa_deploy.torch_process.distributed import Ranks  # noqa: E402
from latency_tables.errors import MismatchError  # noqa: E402
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


class Killed(BaseException):
    """Stands for a kill: nothing is written after it."""


def kill_after(monkeypatch, parts, run):
    """Run an evaluation that is killed when so many parts are written down."""
    add, added = EvaluationJournal.add, []

    def add_or_die(self, name, counts):
        if len(added) == parts:
            raise Killed
        added.append(name)
        add(self, name, counts)

    monkeypatch.setattr(EvaluationJournal, "add", add_or_die)
    with pytest.raises(Killed):
        run()
    monkeypatch.setattr(EvaluationJournal, "add", add)


def test_an_evaluation_that_was_killed_loses_only_the_part_under_way(
    supernet, splits, table, tmp_path, monkeypatch
):
    partial, told = tmp_path / "partial", []
    kill_after(monkeypatch, 40, lambda: evaluate(supernet, splits, (16,), "", "", partial))
    again = evaluate(supernet, splits, (16,), "", "", partial, lambda *p: told.append(p))
    # Of 54 parts 14 are left, each of 13 units, and the units above them run again.
    assert 14 * 13 <= len(told) <= 14 * 13 + 14
    assert told[-1] == (16, len(told), len(told))
    assert_same_counts(again, table)


@pytest.mark.parametrize("parts", [1, 26, 27, 28, 80, 81, 82, 107])
def test_an_evaluation_over_several_groups_of_images_goes_on_wherever_it_was_killed(
    supernet, splits, table, tmp_path, monkeypatch, parts
):
    """At 5 images a group the two splits take 2 groups each, of 27 parts."""
    monkeypatch.setattr(evaluate_module, "count_group", lambda *given: 5)
    partial = tmp_path / "partial"
    for stop in (parts, 0):
        kill_after(monkeypatch, stop, lambda: evaluate(supernet, splits, (16,), "", "", partial))
    assert_same_counts(evaluate(supernet, splits, (16,), "", "", partial), table)


def test_the_processes_of_a_run_do_all_of_it_between_them(supernet, splits, table, tmp_path, monkeypatch):
    """Each process runs on its own here, and cannot add up the whole. Then one has the journals of all of them."""
    partial, world, told, gather = tmp_path / "partial", 3, [], Ranks.gather
    monkeypatch.setattr(Ranks, "gather", lambda self, value: [value])
    for rank in range(world):
        apart = tmp_path / f"machine{rank}" / "partial"
        apart.parent.mkdir()
        ranks = Ranks(rank, world)
        with pytest.raises(KeyError):
            evaluate(supernet, splits, (16,), "", "", apart, lambda *p: told.append(p), ranks=ranks)
        for path in apart.parent.iterdir():
            path.rename(tmp_path / path.name)
    monkeypatch.setattr(Ranks, "gather", gather)
    assert 2 * 364 <= len(told) <= 2 * 364 + 3 * (world - 1)
    again = evaluate(supernet, splits, (16,), "", "", partial, pytest.fail)
    assert_same_counts(again, table)


@pytest.mark.parametrize("group", [1, 5])
def test_the_counts_do_not_depend_on_how_many_images_are_held_at_once(
    supernet, splits, table, monkeypatch, group
):
    monkeypatch.setattr(evaluate_module, "count_group", lambda *given: group)
    assert_same_counts(evaluate(supernet, splits, (16,), "", ""), table)


def test_the_file_of_an_earlier_release_is_gone_on_from(supernet, splits, table, tmp_path):
    """It had one JSON object, with a place for each shard, and in it a range of images."""
    partial, evaluated = tmp_path / "partial", tmp_path / "evaluated"
    evaluate(supernet, splits, (16,), "", "", evaluated)
    header, *lines = map(json.loads, evaluated.read_text().splitlines())
    done = {}
    for line in lines[:30]:
        place, _, images = line["part"].rpartition("/")
        done[place] = {images: line["counts"]}
    old = {"format": "compofa-partial-accuracies", "version": 1, "key": header["key"], "done": done}
    partial.write_text(json.dumps(old, indent=1) + "\n")
    told = []
    again = evaluate(supernet, splits, (16,), "", "", partial, lambda *p: told.append(p))
    assert 24 * 13 <= len(told) < 364
    assert_same_counts(again, table)
    assert len(partial.read_text().splitlines()) == 1 + 54


def test_the_journal_of_another_supernet_or_of_other_images_is_refused_and_stays(supernet, splits, tmp_path):
    partial = tmp_path / "partial"
    evaluate(supernet, splits, (16,), "", "", partial)
    kept = partial.read_bytes()
    others = DataSplits(splits.train, draw_images(7, seed=9), splits.test)
    for given in ((make_supernet(seed=1), splits), (supernet, others)):
        with pytest.raises(
            MismatchError, match="of another supernet, other images or other settings; finish"
        ):
            evaluate(*given, (16,), "", "", partial)  # type: ignore[call-arg]
    assert partial.read_bytes() == kept


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


def test_images_are_counted_by_the_names_of_their_classes(supernet, splits, table):
    """Whatever the order of the names, and whether or not the images have names."""
    order = np.array([2, 0, 3, 1])
    names = tuple(splits.test.class_names[i] for i in order)
    renamed = replace(splits.test, labels=np.argsort(order)[splits.test.labels], class_names=names)
    unnamed = replace(splits.validation, class_names=("0", "1", "2", "3"))
    assert_same_counts(evaluate(supernet, DataSplits(splits.train, unnamed, renamed), (16,), "", ""), table)
