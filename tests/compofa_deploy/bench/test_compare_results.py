"""Results of different times: compared by the baseline, with an interval that is wide enough, where they may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.bench.compare_results import RUN_SPREAD, bootstrap_interval, compare_results
from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bench.verdict import Verdict
from latency_tables.errors import FormatError, MismatchError
from latency_tables.measured_kit import hash_kit
from tests.latency_tables.builders import MACHINE, SPEC
from tests.support.bench_results import make_result

Save = Callable[[str, BenchResult], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, result: BenchResult) -> Path:
        result.save(tmp_path / name)
        return tmp_path / name

    return write


def test_a_faster_machine_is_no_faster_model(save: Save) -> None:
    old, new = (
        save("old.json", make_result("a", speed=1.0)),
        save("new.json", make_result("a", speed=1.4, seed=1)),
    )
    (found,) = compare_results(old, new, 0.10)
    assert found.verdict is Verdict.SAME
    assert found.low < 1 < found.high
    assert found.new_ms < 0.8 * found.old_ms


@pytest.mark.parametrize(("factor", "verdict"), [(1.25, Verdict.SLOWER), (0.8, Verdict.FASTER)])
def test_a_model_that_became_slower_or_faster_is_found(save: Save, factor: float, verdict: Verdict) -> None:
    old, new = save("old.json", make_result("a")), save("new.json", make_result("a", ms=factor, seed=1))
    (found,) = compare_results(old, new, 0.10)
    assert found.verdict is verdict
    assert found.ratio == pytest.approx(factor, rel=0.05)
    assert found.reason == ""
    assert (found.model, found.blocks) == ("a", 10)


def test_what_is_finer_than_runs_lie_apart_cannot_be_told_and_says_what_can(save: Save) -> None:
    old, new = save("old.json", make_result("a")), save("new.json", make_result("a", seed=1))
    (found,) = compare_results(old, new, 0.01)
    assert found.verdict is Verdict.COULD_NOT_TELL
    assert "compare the bundles themselves, side by side: compofa bench compare OLD NEW" in found.reason


def test_an_interval_is_no_narrower_than_runs_lie_apart() -> None:
    _, low, high = bootstrap_interval(np.zeros(10), np.zeros(10), 0.01)
    assert np.log(high) == pytest.approx(-np.log(low)) == pytest.approx(2.326 * RUN_SPREAD * 2**0.5, rel=1e-3)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        run_old, run_new = RUN_SPREAD * rng.standard_normal(2)
        old, new = (run + 0.03 * rng.standard_normal(10) for run in (run_old, run_new))
        _, low, high = bootstrap_interval(old, new, 0.01)
        held += low <= 1 <= high
    assert held >= 194


def test_many_bundles_get_wider_intervals_since_any_may_be_wrong(save: Save) -> None:
    alone = compare_results(save("o1", make_result("a")), save("n1", make_result("a", seed=1)), 0.1)[0]
    names = tuple("abcdefgh")
    among = compare_results(save("o8", make_result(*names)), save("n8", make_result(*names, seed=1)), 0.1)[0]
    assert among.low < alone.low < alone.high < among.high


def test_only_bundles_of_one_name_are_compared(save: Save) -> None:
    old, new = save("old.json", make_result("a", "b")), save("new.json", make_result("b", "c", seed=1))
    assert [found.model for found in compare_results(old, new, 0.1)] == ["b"]
    with pytest.raises(MismatchError, match=r"is of a and .* of c; .*measure both under one"):
        compare_results(save("o.json", make_result("a")), save("n.json", make_result("c")), 0.1)


@pytest.mark.parametrize(
    ("spec", "difference"),
    [
        (replace(SPEC, machine=replace(MACHINE, cpu_model="Another")), "machine's cpu_model: A CPU, Another"),
        (replace(SPEC, machine=replace(MACHINE, cores=1)), "machine's cores: 4, 1"),
        (replace(SPEC, runtime_version="2.0"), "runtime_version: 1.0, 2.0"),
        (replace(SPEC, threads=2), "threads: 1, 2"),
    ],
)
def test_another_machine_runtime_or_setting_is_refused_and_named(save: Save, spec, difference: str) -> None:
    old, new = save("old.json", make_result("a")), save("new.json", make_result("a", spec=spec))
    with pytest.raises(MismatchError, match=difference):
        compare_results(old, new, 0.1)


def test_another_baseline_is_refused(save: Save) -> None:
    result = make_result("a")
    (benched,) = result.bundles
    changed = tuple(
        replace(item, size_bytes=item.size_bytes + (item.kind == "reference")) for item in benched.kit.items
    )
    kit = replace(benched.kit, items=changed, kit_id=hash_kit({}, changed))
    other = replace(result, bundles=(replace(benched, kit=kit),))
    with pytest.raises(MismatchError, match="beside different baselines, by different releases"):
        compare_results(save("old.json", result), save("new.json", other), 0.1)


def test_doubts_of_either_result_are_noted(save: Save) -> None:
    old, new = save("old.json", make_result("a", noise=0.3)), save("new.json", make_result("a"))
    (found,) = compare_results(old, new, 0.1)
    assert [note.partition(":")[0] for note in found.notes] == ["old"]
    assert "sessions differ by" in found.notes[0]


def disturb(result: BenchResult, share: float, of_reference: bool = False) -> BenchResult:
    """The same where so many calls of every session took twice as long."""
    (benched,) = result.bundles
    (measurement,) = benched.kit.measurements

    def slow(samples: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(2 * ns if i < share * len(samples) else ns for i, ns in enumerate(samples))

    names = ("reference_before_ns", "reference_after_ns") if of_reference else ("samples_ns",)
    sessions = tuple(
        replace(v, **{name: slow(getattr(v, name)) for name in names}) for v in measurement.sessions
    )
    kit = replace(benched.kit, measurements=(replace(measurement, sessions=sessions),))
    return replace(result, bundles=(replace(benched, kit=kit),))


@pytest.mark.parametrize("of_reference", [False, True])
@pytest.mark.parametrize("ms", [1.0, 2.0])
def test_nothing_is_told_of_a_run_in_which_many_calls_were_disturbed(
    save: Save, of_reference: bool, ms: float
) -> None:
    old, new = (
        save("old.json", make_result("a")),
        save("new.json", disturb(make_result("a", ms=ms), 0.3, of_reference)),
    )
    (found,) = compare_results(old, new, 0.1)
    assert found.verdict is Verdict.COULD_NOT_TELL
    assert found.reason.startswith("too many calls were disturbed; measure again on a quieter machine")
    assert any(re.match(r"new: \d+% of the calls were disturbed", note) for note in found.notes)


def test_a_few_disturbed_calls_are_borne(save: Save) -> None:
    old, new = save("old.json", make_result("a")), save("new.json", disturb(make_result("a", seed=1), 0.05))
    assert compare_results(old, new, 0.1)[0].verdict is Verdict.SAME


def test_what_is_no_result_is_refused(save: Save, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    with pytest.raises(FormatError, match=r"old\.json: is None, not a compofa-bench-result"):
        compare_results(tmp_path / "old.json", save("new.json", make_result("a")), 0.1)
