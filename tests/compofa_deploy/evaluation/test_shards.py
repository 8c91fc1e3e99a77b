"""Shards cover the tree once, and a process is given neighbours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from compofa_deploy.evaluation.shards import (  # noqa: E402
    SHARDS,
    Part,
    count_units,
    list_parts,
    locate_leaves,
    take_share,
    want,
    weigh,
)
from compofa_deploy.evaluation.tree import walk  # noqa: E402
from compofa_deploy.space.layers import COMPOUND_DEPTHS, count_macs, enumerate_compound, list_layers  # noqa: E402
from compofa_deploy.space.subnet import DEPTHS  # noqa: E402
from compofa_deploy.torch_process.distributed import Ranks  # noqa: E402
from tests.support.supernets import TINY  # noqa: E402


def walk_shards(shards):
    ran = []
    found = list(walk(lambda prefix, x: ran.append(prefix), None, want(shards)))
    return ran, [choices for choices, _ in found]


@given(st.sets(st.sampled_from(SHARDS), min_size=1))
def test_a_walk_runs_the_subnets_of_its_shards_and_the_units_that_are_counted(shards):
    ran, found = walk_shards(shards)
    expected = [i for shard in sorted(shards) for i in range(243)[locate_leaves(shard)]]
    assert [COMPOUND_DEPTHS.index(tuple(DEPTHS[c] for c in choices)) for choices in found] == expected
    assert len(ran) == len(set(ran)) == count_units(shards)


def test_all_shards_are_the_whole_tree():
    assert count_units(SHARDS) == 364
    assert len(walk_shards(SHARDS)[1]) == 243


@given(
    st.dictionaries(st.sampled_from(["validation", "test"]), st.integers(1, 60), min_size=1),
    st.integers(1, 20),
)
def test_the_parts_hold_every_image_and_shard_once(sizes, group):
    parts = list_parts(16, sizes, group)
    held = [(part.split, i, part.shard) for part in parts for i in range(part.start, part.stop)]
    assert sorted(held) == sorted(
        (split, i, shard) for split, images in sizes.items() for i in range(images) for shard in SHARDS
    )
    assert max(part.stop - part.start for part in parts) <= group
    assert len({part.name for part in parts}) == len(parts)


def list_some():
    return [part for resolution in (16, 20) for part in list_parts(resolution, {"a": 7, "b": 9}, 10)]


@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_every_part_is_one_processs_and_each_gets_neighbours_of_about_equal_weight(world):
    parts = list_some()
    weights = {part: weigh(TINY, part) for part in parts}
    shares = [take_share(parts, list(weights.values()), Ranks(rank, world)) for rank in range(world)]
    assert [part for share in shares for part in share] == parts
    sums = [sum(weights[part] for part in share) for share in shares]
    assert max(sums) - min(sums) <= 2 * max(weights.values())


def test_more_processes_than_parts_leave_some_without_work():
    parts = list_some()[:2]
    shares = [take_share(parts, [1.0, 1.0], Ranks(rank, 5)) for rank in range(5)]
    assert sorted(map(len, shares)) == [0, 0, 0, 1, 1]
    assert take_share([], [], Ranks()) == []


def test_a_parts_weight_is_that_of_its_own_units_alone():
    parts = [Part(16, "a", 0, 2, shard) for shard in SHARDS]
    ran = [prefix for prefix in walk_shards(SHARDS)[0] if len(prefix) < 3]
    # A unit's own multiply-accumulates, from two whole subnets that differ in it alone, are not needed: the largest
    # subnet of each shard is heavier than the smallest.
    weights = [weigh(TINY, part) for part in parts]
    whole = [count_macs(list_layers(TINY, subnet)) for subnet in enumerate_compound(16)]
    assert len(ran) == 1 + 3 + 9
    assert max(weights) < 2 * sum(whole[locate_leaves(SHARDS[-1])])
    assert weights == sorted(weights[:3]) * 9
