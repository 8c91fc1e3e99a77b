"""Summaries are of what was observed, and state no percentile that a handful of calls would decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.bench.summary import MIN_BEYOND, PERCENTILES, Summary, list_allowed, summarise
from latency_tables.errors import FormatError
from profilers.measuring.load_cost import Load
from tests.support.bench_results import make_result


def test_the_numbers_of_a_bundle_are_those_that_were_observed() -> None:
    (benched,) = make_result("a", ms=2.0, noise=0).bundles
    found = summarise(benched)
    assert (found.median_ms, found.low_ms, found.high_ms, found.mad_ms) == pytest.approx((2, 2, 2, 0))
    assert found.throughput_per_s == pytest.approx(500)
    assert (found.baseline_ms, found.baseline_ratio) == pytest.approx((0.5, 4))
    assert (found.load_ms, found.memory_bytes) == (22.0, 6_000_000)
    assert (found.sessions, found.samples) == (10, 200)


def test_a_batch_counts_as_its_images() -> None:
    (benched,) = make_result("a", ms=2.0, noise=0).bundles
    batched = replace(benched, kit=replace(benched.kit, spec=replace(benched.spec, batch=8)))
    assert summarise(batched).throughput_per_s == pytest.approx(4000)


def test_the_interval_holds_the_median_and_is_the_same_each_time() -> None:
    (benched,) = make_result("a", noise=0.05).bundles
    found = summarise(benched)
    assert found.low_ms < found.median_ms < found.high_ms
    assert summarise(benched) == found


def test_memory_that_nobody_told_is_none() -> None:
    (benched,) = make_result("a").bundles
    assert summarise(replace(benched, loads=(Load(1.0, None),))).memory_bytes is None


@pytest.mark.parametrize(
    ("samples", "allowed"),
    [(99, ()), (100, (90,)), (200, (90, 95)), (1000, (90, 95, 99)), (10_000, PERCENTILES)],
)
def test_a_percentile_needs_samples_beyond_it(samples: int, allowed: tuple[float, ...]) -> None:
    assert list_allowed(samples) == allowed


@given(st.integers(1, 100_000))
def test_so_many_samples_lie_beyond_what_is_stated(samples: int) -> None:
    for percent in list_allowed(samples):
        assert samples * (100 - percent) >= 100 * MIN_BEYOND * (1 - 1e-9)


def test_a_summary_is_read_as_it_was_written() -> None:
    found = summarise(make_result("a", calls=30).bundles[0])
    assert found.percentiles_ms
    assert Summary.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    "changes",
    [{"median_ms": float("inf")}, {"samples": 0}, {"memory_bytes": 1.5}, {"percentiles_ms": {"90": None}}],
)
def test_a_field_that_is_wrong_is_named(changes: dict[str, object]) -> None:
    data = summarise(make_result("a").bundles[0]).to_dict()
    with pytest.raises(FormatError, match=f"the summary, {next(iter(changes))}"):
        Summary.from_dict({**data, **changes}, "the summary")
