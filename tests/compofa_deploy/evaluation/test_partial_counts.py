"""What was found comes back from its file, joins, and adds up only where every image counts once."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation.partial_counts import (  # noqa: E402
    add,
    count_seconds,
    from_done,
    is_known,
    join,
    list_ranges,
    to_done,
    total,
)
from compofa_deploy.evaluation.shards import LEAVES, SHARDS, Part  # noqa: E402
from latency_tables.errors import FormatError  # noqa: E402

SHARD = SHARDS[5]


def make_counts(value):
    return np.array([[value] * LEAVES, [2 * value] * LEAVES])


@given(st.permutations(list(range(6))))
def test_ranges_that_meet_become_one_in_whatever_order_they_come(order):
    findings = {}
    for i in order:
        add(findings, Part(16, "test", 10 * i, 10 * i + 10, SHARD), 3, make_counts(i))
    ranges = findings[16, "test", SHARD]
    assert list(ranges) == [(0, 60)]
    assert ranges[0, 60] == [18, *[15] * LEAVES, *[30] * LEAVES]


def fill(images):
    findings = {}
    for number, shard in enumerate(SHARDS):
        for start, stop in images:
            add(findings, Part(16, "test", start, stop, shard), 500, make_counts(number))
    return findings


def test_the_total_has_every_subnet_in_its_place():
    counts = total(fill([(0, 4)]), "test", (16,), 4)
    assert counts.shape == (2, 1, 243)
    assert counts[0, 0].tolist() == [i // LEAVES for i in range(243)]
    assert (counts[1] == 2 * counts[0]).all()


@pytest.mark.parametrize("images", [[(0, 3)], [(1, 4)], [(0, 1), (2, 4)], [(0, 3), (2, 4)], [(0, 5)], []])
def test_no_total_where_an_image_is_missing_or_counted_twice(images):
    with pytest.raises(FormatError, match="what was kept of 16 px is not of every image once"):
        total(fill(images), "test", (16,), 4)


def test_a_part_is_known_where_all_of_it_is():
    findings = {}
    add(findings, Part(16, "test", 0, 10, SHARD), 1, make_counts(1))
    assert is_known(findings, Part(16, "test", 2, 10, SHARD))
    assert not is_known(findings, Part(16, "test", 2, 11, SHARD))
    assert not is_known(findings, Part(16, "test", 2, 3, SHARDS[6]))
    assert list_ranges(findings, 16, "test") == [(0, 10)]
    assert list_ranges(findings, 20, "test") == []


def test_findings_of_several_processes_join_and_their_seconds_add_up():
    one, other = {}, {}
    add(one, Part(16, "test", 0, 5, SHARD), 1500, make_counts(1))
    add(other, Part(16, "test", 5, 9, SHARD), 500, make_counts(1))
    joined = join([one, other, one])
    assert sorted(joined[16, "test", SHARD]) == [(0, 5), (5, 9)]
    assert count_seconds(joined, (16,)) == 2.0
    assert count_seconds(joined, (20,)) == 0


def test_findings_come_back_from_a_file():
    findings = fill([(0, 3), (7, 9)])
    assert from_done(json.loads(json.dumps(to_done(findings))), "file") == findings


@pytest.mark.parametrize(
    "done",
    [
        {"16/test": {}},
        {"x/test/000": {}},
        {"16/test/009": {}},
        {"16/test/00": {}},
        {"16/test/000": {"0": [0] * 19}},
        {"16/test/000": {"0-3": [0] * 18}},
        {"16/test/000": {"0-3": [-1] * 19}},
        {"16/test/000": {"0-3": [0.5] * 19}},
        {"16/test/000": [1]},
    ],
)
def test_what_is_none_is_refused_by_name(done):
    with pytest.raises(FormatError, match="file: does not say what was done"):
        from_done(done, "file")
