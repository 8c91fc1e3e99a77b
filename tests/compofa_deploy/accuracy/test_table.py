"""An accuracy table comes back from its file; one that lacks a subnet, or promises too much, is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError, MismatchError
from tests.support.supernets import make_accuracies, make_supernet

SUPERNET = make_supernet()
TABLE = make_accuracies(SUPERNET)


@pytest.fixture
def path(tmp_path):
    TABLE.save(tmp_path / "tiny.accuracy.json")
    return tmp_path / "tiny.accuracy.json"


def assert_same(found, table):
    assert (found.architecture, found.supernet, found.data, found.made_by) == (
        table.architecture,
        table.supernet,
        table.data,
        table.made_by,
    )
    assert (found.resolutions, found.images) == (table.resolutions, table.images)
    for split in ("validation", "test"):
        np.testing.assert_array_equal(found.correct[split], table.correct[split])


def test_a_table_comes_back_from_its_file(path):
    assert_same(AccuracyTable.load(path), TABLE)


@pytest.mark.slow
@given(
    st.lists(st.integers(8, 300), min_size=1, max_size=3, unique=True).flatmap(
        lambda sides: st.tuples(
            st.just(tuple(sorted(sides))),
            arrays(np.int64, (2, len(sides), 243), elements=st.integers(0, 100)),
        )
    ),
    st.text(),
)
def test_any_table_comes_back(tmp_path_factory, drawn, name):
    resolutions, correct = drawn
    counts = {"validation": correct[0], "test": correct[1]}
    table = AccuracyTable(name, "0" * 64, name, name, resolutions, {"validation": 100, "test": 100}, counts)
    path = tmp_path_factory.mktemp("table") / "table.json"
    table.save(path)
    assert_same(AccuracyTable.load(path), table)


def test_rows_may_stand_in_any_order(path):
    change(path, lambda data: data["rows"].reverse())
    assert_same(AccuracyTable.load(path), TABLE)


def test_accuracy_is_the_share_of_right_answers_in_per_cent():
    percent = TABLE.accuracy("test")
    assert percent.shape == (2, 243)
    assert percent[1, 5] == 100 * TABLE.correct["test"][1, 5] / 2000


def test_a_subnets_accuracy_is_found_by_split():
    found = TABLE.find(Subnet.compound((2, 2, 2, 3, 4), 20))
    assert found == {
        "validation": pytest.approx(TABLE.accuracy("validation")[1, 5]),
        "test": pytest.approx(TABLE.accuracy("test")[1, 5]),
    }


def test_a_subnet_that_was_not_evaluated_is_refused():
    with pytest.raises(MismatchError, match=r"22222@24 is not in the accuracy table.*16, 20"):
        TABLE.find(Subnet.compound((2,) * 5, 24))
    elastic = Subnet.from_ofa({"d": [2] * 5, "e": [6] * 20, "ks": [3] * 20, "r": [16]})
    with pytest.raises(MismatchError, match="is not in the accuracy table"):
        TABLE.find(elastic)


def test_a_table_of_other_weights_is_refused():
    TABLE.check_supernet(SUPERNET.digest)
    with pytest.raises(MismatchError, match=r"made from other weights of tiny .*compofa evaluate"):
        TABLE.check_supernet(make_supernet(seed=1).digest)


def change(path, spoil):
    data = json.loads(path.read_text())
    spoil(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d["rows"].pop(7), "subnet 22243@16 is missing"),
        (lambda d: d["rows"].append(d["rows"][3]), "22232@16 is there twice"),
        (lambda d: d["rows"][3].update(test_correct=2001), "22232@16.* more images than there are"),
        (lambda d: d["rows"][3].update(test_correct=-1), r"rows\[3\], test_correct: "),
        (lambda d: d["rows"][3].update(test_correct=float("nan")), "NaN is not a number"),
        (lambda d: d["rows"][3].update(test_correct=1.5), r"rows\[3\], test_correct: "),
        (lambda d: d["rows"][3].update(test_correct=None), r"rows\[3\], test_correct: "),
        (lambda d: d["rows"][3].update(note="x"), r"rows\[3\], note: "),
        (lambda d: d["rows"][3].pop("subnet"), r"rows\[3\], subnet: "),
        (lambda d: d["rows"][3].update(subnet="large"), "'large' is not a subnet id"),
        (
            lambda d: d["rows"][3].update(subnet="22222e" + "6" * 10 + "k" + "3" * 10 + "@16"),
            "is not a compound subnet",
        ),
        (lambda d: d.update(rows=[]), "rows"),
        (lambda d: d.update(validation_images=0), "validation_images"),
        (lambda d: d.pop("supernet"), "supernet"),
        (lambda d: d.update(version=2), "this release reads version 1"),
        (lambda d: d.update(format="compofa-latency-table"), "not a compofa-accuracy-table"),
    ],
)
def test_a_table_that_was_spoilt_is_refused_in_one_line(path, spoil, message):
    change(path, spoil)
    with pytest.raises(FormatError, match=message) as raised:
        AccuracyTable.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_table_that_is_cut_off_is_refused(path):
    path.write_text(path.read_text()[:1000])
    with pytest.raises(FormatError, match="may be cut off"):
        AccuracyTable.load(path)


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        AccuracyTable.load(tmp_path / "none.json")
