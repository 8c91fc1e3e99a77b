"""A figure of a history: each bundle's median over runs with its interval, and how it changed by the baseline's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.history import History
from compofa_deploy.bench.summary import CONFIDENCE, Summary
from compofa_deploy.report.image import LINE, find_kind, render, write_image
from latency_tables.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (8.0, 6.4)
BAND_OPACITY = 0.2
MOST_TICKS = 12
LABEL_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """A bundle's runs: which of the history's they are (n,), and what was found. ``breaks`` are the places in it before
    which the device spec changed: latencies on both sides are not of one machine."""

    name: str
    runs: NDArray[np.int64]
    found: tuple[Summary, ...]

    @property
    def breaks(self) -> list[int]:
        """See above."""
        changed = [a.spec_id != b.spec_id for a, b in pairwise(self.found)]
        return [place for place, is_new in enumerate(changed, start=1) if is_new]


def list_series(history: History) -> list[Series]:
    """The bundles of a history in the order in which they first come."""
    names = dict.fromkeys(summary.name for entry in history.entries for summary in entry.bundles)
    series = []
    for name in names:
        found = [(i, s) for i, entry in enumerate(history.entries) for s in entry.bundles if s.name == name]
        series.append(Series(name, np.array([i for i, _ in found]), tuple(s for _, s in found)))
    return series


def write_history_figure(history: History, path: Path) -> None:
    """Write the figure as the suffix says; the same history gives the same bytes.

    :class:`InputError` where the suffix is none of an image, the file cannot be written, or there is no run.
    """
    write_image(path, draw_history(history, find_kind(path)))


def draw_history(history: History, kind: str) -> bytes:
    """The figure as an image of the kind ``svg`` or ``png``."""
    series = list_series(history)
    if not series:
        raise InputError(
            "the history has no run that can be read, so there is nothing to draw; add one first"
        )

    def fill(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        for number, bundle in enumerate(series):
            colour, first = f"C{number % 10}", bundle.found[0].baseline_ratio
            _draw_series(upper, bundle, colour, lambda ms, summary: ms)
            _draw_series(lower, bundle, colour, partial(_find_change, first))
        upper.set(ylabel="median, ms", ylim=(0, None))
        lower.axhline(0, color=LINE, lw=0.8)
        lower.set(ylabel="by the baseline's, since the first run, %")
        upper.legend(frameon=False, loc="best")
        _label_runs(lower, history)
        figure.suptitle(
            f"{len(history.entries)} runs; bands hold the median ({CONFIDENCE:.0%}); a dotted line is another machine "
            "or setting",
            fontsize=9,
        )

    return render(kind, SIZE_INCHES, fill)


def _find_change(first: float, ms: float, summary: Summary) -> float:
    return 100 * (ms / summary.baseline_ms / first - 1)


def _draw_series(axes: Axes, series: Series, colour: str, show: Callable[[float, Summary], float]) -> None:
    middle, low, high = (
        np.array([show(getattr(summary, name), summary) for summary in series.found])
        for name in ("median_ms", "low_ms", "high_ms")
    )
    edges = [0, *series.breaks, len(series.found)]
    for first, end in pairwise(edges):
        part = slice(first, end)
        label = series.name if first == 0 else None
        axes.fill_between(series.runs[part], low[part], high[part], color=colour, alpha=BAND_OPACITY, lw=0)
        axes.plot(series.runs[part], middle[part], "o-", color=colour, ms=3.5, lw=1, mew=0, label=label)
    for place in series.breaks:
        axes.axvline(series.runs[place] - 0.5, color=LINE, lw=0.8, ls=":")


def _label_runs(axes: Axes, history: History) -> None:
    places = np.unique(np.linspace(0, len(history.entries) - 1, MOST_TICKS).round().astype(int))
    names = [history.entries[i].label or history.entries[i].created for i in places]
    axes.set_xticks(places, [name[:LABEL_CHARACTERS] for name in names], rotation=30, ha="right")
