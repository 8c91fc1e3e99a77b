"""Dashboards are given a flat list of numbers with units."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compofa_deploy.bench.dashboard import list_entries, write_dashboard
from compofa_deploy.bench.summary import summarise
from latency_tables.errors import InputError
from tests.support.bench_results import make_result


def test_every_bundle_has_an_entry_for_each_thing_with_its_unit() -> None:
    summaries = [summarise(benched) for benched in make_result("a", "b", ms=2.0, noise=0).bundles]
    entries = {entry["name"]: entry for entry in list_entries(summaries)}
    assert entries["a: median latency"] == {
        "name": "a: median latency",
        "unit": "ms",
        "value": 2.0,
        "range": "0",
    }
    assert entries["b: latency by the baseline's"]["value"] == pytest.approx(4)
    assert entries["b: p90 latency"] == {"name": "b: p90 latency", "unit": "ms", "value": 2.0}
    assert entries["a: memory"] == {"name": "a: memory", "unit": "bytes", "value": 6_000_000}
    assert {entry["unit"] for entry in entries.values()} == {"ms", "x", "bytes"}
    assert len(entries) == len(list_entries(summaries))


def test_the_range_is_half_of_the_interval() -> None:
    summary = summarise(make_result("a", noise=0.05).bundles[0])
    (median, *_) = list_entries([summary])
    assert float(median["range"]) == pytest.approx((summary.high_ms - summary.low_ms) / 2, rel=0.05)


def test_the_file_is_the_list_alone(tmp_path: Path) -> None:
    summaries = [summarise(make_result("a").bundles[0])]
    write_dashboard(tmp_path / "dashboard.json", summaries)
    assert json.loads((tmp_path / "dashboard.json").read_text()) == list_entries(summaries)
    with pytest.raises(InputError, match="cannot be written"):
        write_dashboard(tmp_path / "nowhere" / "dashboard.json", summaries)
