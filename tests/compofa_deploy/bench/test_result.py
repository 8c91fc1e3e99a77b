"""Results are read as they were written, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.bench.result import BenchResult
from latency_tables.errors import FormatError, InputError
from tests.latency_tables.builders import MACHINE, SPEC
from tests.support.bench_results import make_result


@given(
    names=st.lists(
        st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=3, unique=True
    ),
    ms=st.floats(0.01, 1000),
    seed=st.integers(0, 99),
)
def test_a_result_is_read_as_it_was_written(names: list[str], ms: float, seed: int) -> None:
    result = make_result(*names, ms=ms, seed=seed, sessions=3, calls=3)
    again = BenchResult.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.to_dict() == result.to_dict()
    assert [benched.name for benched in again.bundles] == names


def test_bundles_of_one_device_spec_share_what_was_measured(tmp_path: Path) -> None:
    result = make_result("a", "b")
    result.save(tmp_path / "result.json")
    assert len(json.loads((tmp_path / "result.json").read_text())["kits"]) == 1
    first, second = BenchResult.load(tmp_path / "result.json").bundles
    assert first.baseline == second.baseline == result.bundles[0].baseline
    assert first.measurement.item.label == "a"
    assert second.measurement.item.label == "b"


def test_ratios_are_to_the_baseline_whatever_the_speed_of_the_machine() -> None:
    (slow,), (fast,) = (make_result("a", ms=1.5, noise=0, speed=speed).bundles for speed in (1, 1.3))
    assert np.exp(slow.log_ratios) == pytest.approx(3)
    assert np.exp(fast.log_ratios) == pytest.approx(3, rel=1e-5)


def test_one_core_is_a_doubt() -> None:
    (alone,) = make_result("a", spec=replace(SPEC, machine=replace(MACHINE, cores=1))).bundles
    assert alone.doubts == ("there is one core: every other process delays the calls",)
    assert make_result("a").bundles[0].doubts == ()


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    make_result("a").save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FormatError, match="it may be cut off"):
        BenchResult.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: there is no such file"):
        BenchResult.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["bundles"].clear(), "bundles: must be there, each under a name of its own"),
        (lambda d: d["bundles"].append(d["bundles"][0]), "each under a name of its own"),
        (lambda d: d["bundles"][0].update(item="c"), r"bundles\[0\], item: was not measured in kit"),
        (lambda d: d["bundles"][0].update(loads=[]), r"bundles\[0\], loads: is empty"),
        (lambda d: d["bundles"][0]["loads"][0].update(load_ms="1"), r"loads\[0\], load_ms: must be a finite number"),
        (lambda d: d["kits"][0]["visits"][0].update(samples_ns=[]), r"kits\[0\], visits\[0\], samples_ns: is empty"),
        (lambda d: d.update(kit_version=1), "kit_version: is another than this release reads"),
        (lambda d: d.pop("label"), "label: is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: Callable[[dict[str, Any]], object], message: str) -> None:
    data = json.loads(json.dumps(make_result("a").to_dict()))
    change(data)
    with pytest.raises(FormatError, match=message):
        BenchResult.from_dict(data)
