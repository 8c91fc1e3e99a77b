"""Each prefix runs once, on what the prefix before it gave."""

from itertools import product

from compofa_deploy.evaluation.tree import walk


def run_and_record(calls):
    def run(prefix, x):
        calls.append(prefix)
        assert x == prefix[:-1] or prefix == ()
        return prefix

    return run


def test_every_prefix_runs_exactly_once():
    calls = []
    list(walk(run_and_record(calls), ()))
    assert len(calls) == 364 == len(set(calls))
    assert set(calls) == {p for n in range(6) for p in product(range(3), repeat=n)}


def test_every_subnet_comes_with_the_output_of_its_last_unit_smallest_first():
    found = list(walk(run_and_record([]), ()))
    assert found == [(choices, choices) for choices in product(range(3), repeat=5)]


def test_unwanted_prefixes_and_their_subtrees_do_not_run():
    calls = []
    found = list(walk(run_and_record(calls), (), lambda prefix: prefix[-1] == 2))
    assert [choices for choices, _ in found] == [(2, 2, 2, 2, 2)]
    assert calls == [(2,) * n for n in range(6)]


def test_a_subnet_is_yielded_before_the_next_one_runs():
    calls = []
    first, _ = next(walk(run_and_record(calls), ()))
    assert first == (0, 0, 0, 0, 0)
    assert len(calls) == 6
