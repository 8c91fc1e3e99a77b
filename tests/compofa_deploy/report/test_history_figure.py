"""The figure of a history: each bundle's runs, apart where the machine changed, the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.bench.history import Entry, History
from compofa_deploy.report.history_figure import (
    draw_history,
    list_changes,
    list_series,
    name_run,
    write_history_figure,
)
from latency_tables.errors import InputError
from tests.latency_tables.builders import SPEC
from tests.support.bench_results import make_result


def make_history(*names_of_runs: tuple[str, ...], changed_at: int = 99) -> History:
    other = replace(SPEC, threads=2)
    return History(
        tuple(
            Entry.of(make_result(*names, seed=i, spec=SPEC if i < changed_at else other))
            for i, names in enumerate(names_of_runs)
        ),
        (),
    )


def test_a_bundle_has_the_runs_that_it_was_in() -> None:
    first, second = list_series(make_history(("a",), ("a", "b"), ("b",), ("a", "b")))
    assert (first.name, first.runs.tolist()) == ("a", [0, 1, 3])
    assert (second.name, second.runs.tolist()) == ("b", [1, 2, 3])
    assert [summary.name for summary in first.found] == ["a"] * 3


def test_another_device_spec_breaks_a_series() -> None:
    (series,) = list_series(make_history(("a",), ("a",), ("a",), changed_at=2))
    assert series.breaks == [2]
    (whole,) = list_series(make_history(("a",), ("a",)))
    assert whole.breaks == []


def test_the_change_is_that_of_the_ratio_which_the_table_prints() -> None:
    (series,) = list_series(make_history(("a",), ("a",), ("a",)))
    ratios = np.array([summary.baseline_ratio for summary in series.found])
    changes = list_changes(series)
    assert changes[:, 0] == pytest.approx(100 * (ratios / ratios[0] - 1))
    assert changes[0, 0] == 0
    assert (changes[:, 1] <= changes[:, 0]).all()
    assert (changes[:, 0] <= changes[:, 2]).all()


def test_the_change_begins_anew_on_another_machine() -> None:
    (series,) = list_series(make_history(("a",), ("a",), ("a",), changed_at=1))
    assert list_changes(series)[[0, 1], 0].tolist() == [0, 0]


def test_runs_of_one_day_have_different_names() -> None:
    entry = replace(make_history(("a",)).entries[0], label="")
    later = replace(entry, created="2026-01-01T07:30:00+00:00")
    assert (name_run(entry), name_run(later)) == ("01-01 00:00", "01-01 07:30")
    assert name_run(replace(entry, label="0123456789abc")) == "0123456789"


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_same_history_gives_the_same_bytes(kind: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    history = make_history(("a", "b"), ("a", "b"), ("a",), changed_at=2)
    first = draw_history(history, kind)
    assert first == draw_history(history, kind)
    assert first.startswith(start)
    assert first != draw_history(replace(history, entries=history.entries[:2]), kind)


def test_a_single_run_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_history_figure(make_history(("a",)), tmp_path / "history.svg")
    assert (tmp_path / "history.svg").read_bytes().startswith(b"<?xml")


def test_nothing_to_draw_or_no_image_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no run that can be read"):
        write_history_figure(History((), ("line 1",)), tmp_path / "history.svg")
    with pytest.raises(InputError, match=r"is written as \.svg or \.png"):
        write_history_figure(make_history(("a",)), tmp_path / "history.pdf")
    assert list(tmp_path.iterdir()) == []
